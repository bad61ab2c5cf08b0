import { getTranslations } from 'next-intl/server'
import { buttonClass } from '@/components/button'
import { PageLayout } from '@/components/page-layout'
import { inHowLong } from '@/client/error-message'
import { services } from '@/services'
import { pathInLanguage, visitorLanguage } from '@/app/i18n/request'
import { SentNotice } from '@/app/forgot-password/sent-notice'
import { sentMessages } from '@/app/forgot-password/sent-messages'

/** "Check your email" as a page of its own, which knows neither the login nor the time of the request. */
export default async function SentPage() {
  const language = await visitorLanguage()
  const { cooldown } = services().settings.emailSlots
  const messages = await sentMessages(language)
  const t = await getTranslations({ locale: language, namespace: 'pages.sent' })
  const askPath = await pathInLanguage('/forgot-password/', language)
  return (
    <PageLayout language={language} title={messages.title} step={2}>
      <SentNotice messages={messages}>
        {cooldown > 0 && (
          <p>
            {t.rich('again-later', {
              when: inHowLong(cooldown, language),
              ask: (messages) => (
                <a key="ask" className="text-link inline-block py-1" href={askPath}>
                  {messages}
                </a>
              ),
            })}
          </p>
        )}
        <a className={buttonClass('quiet')} href={askPath}>
          {messages.change}
        </a>
      </SentNotice>
    </PageLayout>
  )
}
