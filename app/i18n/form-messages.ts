import { getTranslations } from 'next-intl/server'
import type { FormMessages } from '@/client/error-message'
import { formatApiMessage } from '@/lib/i18n/api-messages'
import { fieldErrorCodes, type FieldErrorCode } from '@/lib/http/error-codes'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'

/** Returns the messages about a form as a whole. */
export async function formMessages(language: Language): Promise<FormMessages> {
  const t = await getTranslations({ locale: language, namespace: 'pages.troubles' })
  return {
    throttled: t('throttled'),
    throttledFor: String(t.raw('throttled-for')),
    unavailable: t('unavailable'),
    'user-not-found': t('user-not-found'),
    // For these three codes, a page that knows the link shows a view instead of the message.
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
 * @param missing the message for an empty field
 * @param own the messages of single codes
 * @param other the message of every other code
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

/**
 * Returns the kind of login that finds an account, which a form asks a person for; the endpoint's field may have another name.
 */
export function loginKind(): 'username' | 'email' | 'either' {
  const [only, another] = new Set(services().settings.reset.loginFields)
  return only === undefined || another !== undefined ? 'either' : only
}
