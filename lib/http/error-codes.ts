import type { ApiMessage } from '@/lib/i18n/api-messages'

/**
 * What can be wrong with a field, and the stable code by which the header `Error-Codes` says so. A code is never renamed:
 * front ends act on it, while the message in the body follows the language. docs/front-ends.md explains each.
 */
export const fieldErrorCodes = {
  'no-data': 'no-data',
  'not-an-object': 'not-an-object',
  required: 'required',
  null: 'null',
  blank: 'blank',
  'invalid-string': 'invalid-string',
  'invalid-integer': 'invalid-integer',
  'null-characters': 'null-characters',
  surrogates: 'surrogates',
  'too-short': 'too-short',
  'too-long': 'too-long',
  'too-common': 'too-common',
  'entirely-numeric': 'numeric',
  'too-similar-username': 'too-similar-username',
  'too-similar-email': 'too-similar-email',
  'too-similar-first-name': 'too-similar-first-name',
  'too-similar-last-name': 'too-similar-last-name',
  breached: 'breached',
  'outer-spaces': 'outer-spaces',
  'confirm-mismatch': 'mismatch',
} as const satisfies Partial<Record<ApiMessage, string>>

/** A message about a field. */
export type FieldMessage = keyof typeof fieldErrorCodes

/**
 * The header that names the codes of field errors, in the order of the fields: `password=too-short, password=numeric`.
 *
 * @param fields what is wrong, by the name of the field
 */
export function errorCodesHeader(fields: Record<string, readonly { code: FieldMessage }[]>): {
  'Error-Codes': string
} {
  const codes = Object.entries(fields).flatMap(([name, problems]) =>
    problems.map(({ code }) => `${name}=${fieldErrorCodes[code]}`),
  )
  return { 'Error-Codes': codes.join(', ') }
}
