import { getTranslations } from 'next-intl/server'
import type { FormErrorMessages } from '@/client/error-message'
import { formatApiMessage } from '@/lib/i18n/api-messages'
import { fieldErrorCodes, type FieldErrorCode } from '@/lib/http/error-codes'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'

/** Returns the messages about a form as a whole, by error code. */
export async function formErrorMessages(language: Language): Promise<FormErrorMessages> {
  const t = await getTranslations({ locale: language, namespace: 'pages.troubles' })
  return {
    throttled: t('throttled'),
    throttledFor: String(t.raw('throttled-for')),
    unavailable: t('unavailable'),
    'user-not-found': t('user-not-found'),
    // For these three codes, the reset page and the page of "this wasn't me" show another view instead of the message.
    'signature-invalid': t('refused'),
    'signature-expired': t('refused'),
    'signature-used': t('refused'),
    'link-exhausted': formatApiMessage(language, 'link-exhausted'),
    'second-factor-required': t('second-factor'),
    'second-factor-exhausted': formatApiMessage(language, 'second-factor-exhausted'),
    refused: t('refused'),
    offline: t('offline'),
  }
}

/**
 * Returns a message for every error code of a field.
 *
 * @param missing the message for a field without a value (`required`, `null`, `blank`)
 * @param own messages for single codes
 * @param other the message for every other code
 */
export function fillFieldMessages(
  missing: string,
  own: Partial<Record<FieldErrorCode, string>>,
  other: string,
): Record<FieldErrorCode, string> {
  const messages = { required: missing, null: missing, blank: missing, ...own }
  const all = fieldErrorCodes.map((code) => [code, (messages as typeof own)[code] ?? other])
  return Object.fromEntries(all) as Record<FieldErrorCode, string>
}

/** Returns what a person may type as the login, whatever the name of the endpoint's field is. */
export function loginKind(): 'username' | 'email' | 'either' {
  const [only, another] = new Set(services().settings.reset.loginFields)
  return only === undefined || another !== undefined ? 'either' : only
}
