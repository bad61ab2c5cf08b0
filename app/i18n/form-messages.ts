import { getTranslations } from 'next-intl/server'
import type { TroubleWords } from '@/client/error-message'
import { sayApi } from '@/lib/i18n/api-messages'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'

/** What every form may have to say about itself as a whole. */
export async function troubleWords(language: Language): Promise<TroubleWords> {
  const t = await getTranslations({ locale: language, namespace: 'pages.troubles' })
  return {
    throttled: t('throttled'),
    throttledFor: String(t.raw('throttled-for')),
    unavailable: t('unavailable'),
    'user-not-found': t('user-not-found'),
    'second-factor-required': t('second-factor'),
    'second-factor-exhausted': sayApi(language, 'second-factor-exhausted'),
    refused: t('refused'),
    offline: t('offline'),
  }
}

/** What an account is found by, and so what people are asked for, whatever the endpoint's field is called. */
export function loginKind(): 'username' | 'email' | 'either' {
  const [only, another] = new Set(services().settings.reset.loginFields)
  return only === undefined || another !== undefined ? 'either' : only
}
