import { getTranslations } from 'next-intl/server'
import type { TroubleWords } from '@/components/troubles'
import type { Language } from '@/lib/languages'

/** What every form may have to say about itself as a whole. */
export async function troubleWords(language: Language): Promise<TroubleWords> {
  const t = await getTranslations({ locale: language, namespace: 'pages.troubles' })
  return {
    throttled: t('throttled'),
    throttledFor: String(t.raw('throttled-for')),
    unavailable: t('unavailable'),
    'user-not-found': t('user-not-found'),
    'second-factor-required': t('second-factor'),
    refused: t('refused'),
    offline: t('offline'),
  }
}
