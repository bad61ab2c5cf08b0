import { getTranslations } from 'next-intl/server'
import type { FormErrorMessages } from '@/client/error-message'
import { formatApiMessage } from '@/lib/i18n/api-messages'
import { fieldErrorCodes, type FieldErrorCode } from '@/lib/http/error-codes'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'

export async function formErrorMessages(language: Language): Promise<FormErrorMessages> {
  const t = await getTranslations({ locale: language, namespace: 'pages.troubles' })
  return {
    throttled: t('throttled'),
    throttledFor: String(t.raw('throttled-for')),
    unavailable: t('unavailable'),
    'user-not-found': t('user-not-found'),
    // Pages usually show a view of the invalid link in place of these three messages.
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

/** Returns a message for each code: from `own`, else `missing` for `required`, `null` and `blank`, else `other`. */
export function fillFieldMessages(
  missing: string,
  own: Partial<Record<FieldErrorCode, string>>,
  other: string,
): Record<FieldErrorCode, string> {
  const messages = { required: missing, null: missing, blank: missing, ...own }
  const all = fieldErrorCodes.map((code) => [code, (messages as typeof own)[code] ?? other])
  return Object.fromEntries(all) as Record<FieldErrorCode, string>
}

/** Returns what a person may type as the login. */
export function loginKind(): 'username' | 'email' | 'either' {
  const [only, another] = new Set(services().settings.reset.loginFields)
  return only === undefined || another !== undefined ? 'either' : only
}
