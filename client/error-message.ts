import type { FieldError } from 'react-hook-form'
import type { WholeFormErrorCode } from '@/lib/http/error-codes'
import type { FormErrors } from '@/lib/http/form-errors'

/** The messages about a form as a whole. `throttledFor` has the placeholder `{when}`. */
export type FormErrorMessages = Record<WholeFormErrorCode | 'throttledFor', string>

/** Returns the message about a form as a whole, if it has an error. `retryAfter`: seconds to wait. */
export function formErrorMessage(
  { errors: { form }, retryAfter }: { errors: Pick<FormErrors, 'form'>; retryAfter?: number },
  messages: FormErrorMessages,
  language: string,
): string | undefined {
  if (form === undefined) return undefined
  if (retryAfter !== undefined && 'RelativeTimeFormat' in Intl)
    return messages.throttledFor.replace('{when}', inHowLong(retryAfter, language))
  return messages[form]
}

/** Formats a time to wait, such as "in 3 minutes". Rounds up: Retry-After is a minimum (RFC 9110 §10.2.3). */
export function inHowLong(seconds: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'always' })
  if (seconds <= 90) return format.format(Math.ceil(seconds), 'second')
  if (seconds <= 90 * 60) return format.format(Math.ceil(seconds / 60), 'minute')
  return format.format(Math.ceil(seconds / 3600), 'hour')
}

/** Converts error codes by field to errors of react-hook-form. */
export function toHookFormErrors<Field extends string>(
  fields: Partial<Record<Field, readonly string[]>>,
): Partial<Record<Field, FieldError>> {
  const errors = Object.entries<readonly string[] | undefined>(fields).flatMap(([field, codes = []]) =>
    codes.length === 0 ? [] : [[field, { type: 'server', types: { server: [...codes] } }]],
  )
  return Object.fromEntries(errors) as Partial<Record<Field, FieldError>>
}

/** Returns the messages of a field's error, without duplicates. */
export function fieldMessages(error: FieldError | undefined, messages: Record<string, string>): string[] {
  const codes = Object.values(error?.types ?? {}).flat()
  return [...new Set(codes.flatMap((code) => messages[String(code)] ?? []))]
}
