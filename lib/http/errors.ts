import type { FieldErrorCode, ApiErrorCode } from './error-codes'

type Values = Record<string, string | number>

/** Something to tell the client, thrown where it is noticed and put into words at the edge. */
export class ApiError extends Error {
  readonly code: ApiErrorCode
  readonly values: Values
  readonly headers: Record<string, string>
  constructor(
    code: ApiErrorCode,
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

export type FieldError = { code: FieldErrorCode; values?: Values }

/** Problems of single fields, all of them together, in the order in which the contract declares the fields. */
export class InvalidFields extends Error {
  readonly fields: Record<string, FieldError[]>
  constructor(fields: Record<string, FieldError[]>) {
    super('field problems')
    this.fields = fields
  }
}

/**
 * A body that cannot be read; the detail is a fixed phrase, never the parser's own text. Where the body did not arrive
 * whole, `brokenOff` is why; it is no `cause`, which would be taken for the database's.
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
