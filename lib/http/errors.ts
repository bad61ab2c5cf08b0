import type { FieldErrorCode, RequestErrorCode } from './error-codes'

type Values = Record<string, string | number>

/** An error to report to the client; `errorResponse` turns it into a response. `values` are for the message's placeholders. */
export class ApiError extends Error {
  readonly code: RequestErrorCode
  readonly values: Values
  readonly headers: Record<string, string>
  constructor(
    code: RequestErrorCode,
    { values = {}, headers = {} }: { values?: Values; headers?: Record<string, string> } = {},
  ) {
    super(code)
    this.code = code
    this.values = values
    this.headers = headers
  }
}

/** Too many requests; `retryAfter` in whole seconds (RFC 6585 §4). */
export class ThrottledError extends ApiError {
  constructor(retryAfter: number) {
    super('throttled', { values: { seconds: retryAfter }, headers: { 'Retry-After': String(retryAfter) } })
  }
}

/** An error of one field: its code, and the values for its message's placeholders. */
export type FieldProblem = { code: FieldErrorCode; values?: Values }

/**
 * The invalid fields of a body, each with its errors, in the order of the request's schema. If the body is not an object, the only
 * field is `non_field_errors`.
 */
export class InvalidFields extends Error {
  readonly fields: Record<string, FieldProblem[]>
  constructor(fields: Record<string, FieldProblem[]>) {
    super('field problems')
    this.fields = fields
  }
}

/**
 * A body that cannot be parsed. `detail` is a fixed phrase, because the parser's message may quote a password. `brokenOff` is the error
 * that ended an incomplete body. The property is not named `cause`, because `isDatabaseUnavailable` searches causes for ECONNRESET.
 */
export class UnreadableBody extends Error {
  readonly detail: string
  readonly brokenOff: unknown
  constructor(detail: string, { brokenOff }: { brokenOff?: unknown } = {}) {
    super('unreadable body')
    this.detail = detail
    this.brokenOff = brokenOff
  }
}
