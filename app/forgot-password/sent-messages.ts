import { getTranslations } from 'next-intl/server'
import { documentTitle } from '@/components/document'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'
import { loginKind } from '@/app/i18n/form-error-messages'
import type { SentMessages } from './sent-notice'

/** Four messages have a placeholder: `leadFor` has `{login}`, `spam` `{sender}`, `inbox` `{provider}`, and `tooSoon` `{when}`. */
export async function sentMessages(language: Language): Promise<SentMessages> {
  const { settings } = services()
  const t = await getTranslations({ locale: language, namespace: 'pages.sent' })
  const minutes = settings.reset.period / 60
  return {
    title: t('title'),
    documentTitle: documentTitle(t('title'), settings.branding.appName),
    lead: t('lead'),
    leadFor: String(t.raw('lead-for')),
    life:
      minutes % 60 === 0
        ? t('life-hours', { hours: minutes / 60 })
        : t('life-minutes', { minutes: Math.max(1, Math.floor(minutes)) }),
    nothing: t('nothing'),
    wait: t('wait'),
    spam: t('spam', { sender: '{sender}' }),
    sender: settings.mail.from.replace(/^.*<|>$/g, ''),
    other: t('other'),
    again: t('again'),
    inbox: String(t.raw('inbox')),
    busy: t('busy'),
    change: t('change', { loginField: loginKind() }),
    tooSoon: String(t.raw('too-soon')),
    requestedAgain: t('asked-again'),
    ready: t('ready'),
  }
}
