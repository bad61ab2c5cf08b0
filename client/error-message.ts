import type { FieldError } from 'react-hook-form'
import type { FormErrorCode } from '@/lib/http/error-codes'
import type { FormErrors } from '@/lib/http/form-errors'

/** What a page says of a form as a whole. `throttledFor` keeps a place for `{when}`, such as "in 5 minutes". */
export type FormMessages = Record<FormErrorCode | 'throttledFor', string>

/**
 * The message about a form as a whole, if there is one. A browser too old to count time still says that it was too often.
 *
 * @param retryAfter seconds to wait, where they are known
 */
export function formMessage(
  { errors: { form }, retryAfter }: { errors: Pick<FormErrors, 'form'>; retryAfter?: number },
  messages: FormMessages,
  language: string,
): string | undefined {
  if (form === undefined) return undefined
  if (retryAfter !== undefined && 'RelativeTimeFormat' in Intl)
    return messages.throttledFor.replace('{when}', inHowLong(retryAfter, language))
  return messages[form]
}

/** "in 40 seconds", "in 3 minutes", in any language. Never sooner than the seconds given (RFC 9110 §10.2.3). */
export function inHowLong(seconds: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'always' })
  if (seconds <= 90) return format.format(Math.ceil(seconds), 'second')
  if (seconds <= 90 * 60) return format.format(Math.ceil(seconds / 60), 'minute')
  return format.format(Math.ceil(seconds / 3600), 'hour')
}

/** The codes of fields as react-hook-form keeps them. */
export function fieldErrors<Field extends string>(
  fields: Partial<Record<Field, readonly string[]>>,
): Partial<Record<Field, FieldError>> {
  const errors = Object.entries<readonly string[] | undefined>(fields).flatMap(([field, codes = []]) =>
    codes.length === 0 ? [] : [[field, { type: 'server', types: { server: [...codes] } }]],
  )
  return Object.fromEntries(errors) as Partial<Record<Field, FieldError>>
}

/** The messages for the codes that react-hook-form has of one field, each message once. */
export function fieldMessages(error: FieldError | undefined, messages: Record<string, string>): string[] {
  const codes = Object.values(error?.types ?? {}).flat()
  return [...new Set(codes.flatMap((code) => messages[String(code)] ?? []))]
}
