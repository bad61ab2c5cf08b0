import type { ApiMessage } from '@/lib/i18n/api-messages'

// The one table of error codes, shared by endpoints, pages and forms, so nothing of Node here. A code names its message
// in `messages/`, too. It is never renamed: front ends act on it, while the message follows the language.

/** What can be wrong with a field. docs/front-ends.md explains each. */
export const fieldErrorCodes = [
  'no-data',
  'not-an-object',
  'required',
  'null',
  'blank',
  'invalid-string',
  'invalid-integer',
  'null-characters',
  'surrogates',
  'too-short',
  'too-long',
  'too-many-bytes',
  'too-common',
  'numeric',
  'too-similar-username',
  'too-similar-email',
  'too-similar-first-name',
  'too-similar-last-name',
  'too-similar-name',
  'breached',
  'outer-spaces',
  'mismatch',
] as const satisfies readonly ApiMessage[]

export type FieldErrorCode = (typeof fieldErrorCodes)[number]

/** Everything the endpoints refuse without naming a field. `coded`: the body carries the code for clients to act on. */
export const apiErrors = {
  'body-too-large': { status: 413 },
  'method-not-allowed': { status: 405 },
  'not-acceptable': { status: 406 },
  'cross-origin': { status: 403 },
  'not-found': { status: 404 },
  'unsupported-media-type': { status: 415 },
  'user-not-found': { status: 400, coded: true },
  'signature-invalid': { status: 400, coded: true },
  'signature-expired': { status: 400, coded: true },
  'signature-used': { status: 400, coded: true },
  'link-exhausted': { status: 403, coded: true },
  'second-factor-required': { status: 403, coded: true },
  'second-factor-exhausted': { status: 403, coded: true },
  throttled: { status: 429 },
  unavailable: { status: 503 },
  internal: { status: 500 },
} as const satisfies Partial<Record<ApiMessage, { status: number; coded?: boolean }>>

export type ApiErrorCode = keyof typeof apiErrors

type Coded<Code extends ApiErrorCode> = Code extends unknown
  ? (typeof apiErrors)[Code] extends { coded: true }
    ? Code
    : never
  : never

/**
 * What a page can say of a form as a whole: a code that a body carries, too much or too soon, `refused` for any other
 * refusal, and `offline` where no response came.
 */
export type FormErrorCode = Coded<ApiErrorCode> | 'throttled' | 'unavailable' | 'refused' | 'offline'

/** The code by which a page tells of a refusal; of none where a body could not be read. */
export function formErrorCode(refusal: string | undefined): FormErrorCode {
  if (refusal === 'internal') return 'unavailable'
  return refusal !== undefined && isFormErrorCode(refusal) ? refusal : 'refused'
}

export function isFormErrorCode(code: string): code is FormErrorCode {
  if (Object.hasOwn(apiErrors, code) && 'coded' in apiErrors[code as ApiErrorCode]) return true
  return code === 'throttled' || code === 'unavailable' || code === 'refused' || code === 'offline'
}
