import { getTranslations } from 'next-intl/server'
import { buttonLook } from '@/components/button'
import { Frame } from '@/components/page-layout'
import { inHowLong } from '@/client/error-message'
import { services } from '@/services'
import { keepLanguage, visitorLanguage } from '@/app/i18n/request'
import { SentNotice } from '@/app/forgot-password/sent-notice'
import { sentWords } from '@/app/forgot-password/sent-messages'

/**
 * "Check your email" as a page of its own: without JavaScript, after a reload, and after renewing a dead link. When
 * somebody asked is not known any more, so the whole pause is named: it is over by then.
 */
export default async function SentPage() {
  const language = await visitorLanguage()
  const { cooldown } = services().settings.emailSlots
  const words = await sentWords(language)
  const t = await getTranslations({ locale: language, namespace: 'pages.sent' })
  const askPath = await keepLanguage('/forgot-password/', language)
  return (
    <Frame language={language} title={words.title} step={2}>
      <SentNotice words={words}>
        {cooldown > 0 && (
          <p>
            {t.rich('again-later', {
              when: inHowLong(cooldown, language),
              ask: (words) => (
                <a key="ask" className="text-link inline-block py-1" href={askPath}>
                  {words}
                </a>
              ),
            })}
          </p>
        )}
        <a className={buttonLook('quiet')} href={askPath}>
          {words.change}
        </a>
      </SentNotice>
    </Frame>
  )
}
