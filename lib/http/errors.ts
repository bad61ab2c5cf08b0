import type { FieldErrorCode, RequestErrorCode } from './error-codes'

type Values = Record<string, string | number>

/** An error to report to the client. `values` are for the placeholders of its message. */
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

export type FieldProblem = { code: FieldErrorCode; values?: Values }

/** The invalid fields of a body; only `non_field_errors` if the body is not an object. */
export class InvalidFields extends Error {
  readonly fields: Record<string, FieldProblem[]>
  constructor(fields: Record<string, FieldProblem[]>) {
    super('field problems')
    this.fields = fields
  }
}

/**
 * A body that cannot be parsed. `detail` must not quote the body, which may contain a password. `brokenOff` is the error that ended an
 * incomplete body. It is not the `cause`, because `isDatabaseUnavailable` searches causes for ECONNRESET.
 */
export class UnreadableBody extends Error {
  readonly detail: string
  readonly brokenOff: unknown
  constructor(detail: string, brokenOff?: unknown) {
    super('unreadable body')
    this.detail = detail
    this.brokenOff = brokenOff
  }
}
