import type { ApiMessage } from '@/lib/i18n/api-messages'

// Browsers load this file, so no Node APIs. Do not rename a code, because front ends depend on it.

/** docs/front-ends.md explains each code. */
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

/** The errors that concern no field. `coded` means that the body of the response contains the code. */
export const requestErrors = {
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

export type RequestErrorCode = keyof typeof requestErrors

type Coded<Code extends RequestErrorCode> = Code extends unknown
  ? (typeof requestErrors)[Code] extends { coded: true }
    ? Code
    : never
  : never

/** The errors of a form as a whole. `refused` stands for errors with another code or none; `offline` means no response. */
export type WholeFormErrorCode = Coded<RequestErrorCode> | 'throttled' | 'unavailable' | 'refused' | 'offline'

/** Converts an endpoint's error code, if any, to one that forms show. */
export function formErrorCode(code: string | undefined): WholeFormErrorCode {
  if (code === 'internal') return 'unavailable'
  return code !== undefined && isWholeFormErrorCode(code) ? code : 'refused'
}

export function isWholeFormErrorCode(code: string): code is WholeFormErrorCode {
  if (Object.hasOwn(requestErrors, code) && 'coded' in requestErrors[code as RequestErrorCode]) return true
  return code === 'throttled' || code === 'unavailable' || code === 'refused' || code === 'offline'
}
