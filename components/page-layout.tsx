import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { directionOf, type Language } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/own-path'
import { services } from '@/services'
import { LanguageMenu } from './language-menu'
import { Sheet } from './document'
import { Steps, type Step } from './progress-steps'
import { brandStyle, helpLine } from './brand-style'

/**
 * The document around every page: name, way, content, help. It is a page's and not the layout's, because its language is
 * the page's to know. `step` is absent where a page is not on the way from forgotten to new password.
 *
 * @param link the mailed link that the page needs to be shown again in another language
 */
export async function Frame({
  language,
  title,
  step,
  link,
  children,
}: {
  language: Language
  title: string
  step?: Step
  link?: Record<string, string> | undefined
  children: ReactNode
}) {
  const { settings } = services()
  const { appName, logoUrl, signInUrl } = settings.look
  const t = await getTranslations({ locale: language, namespace: 'pages.frame' })
  const names = [t('step-ask'), t('step-open'), t('step-choose')] as const
  return (
    <Sheet
      language={language}
      direction={directionOf(language)}
      title={title}
      appName={appName}
      logoUrl={logoUrl}
      icon={logoUrl ?? pathInApp(settings, '/icon.svg')}
      brand={await brandStyle()}
      steps={step && <Steps step={step} words={{ title: t('steps'), names, done: t('step-done') }} />}
      help={await helpLine(language)}
      menu={<LanguageMenu language={language} words={{ title: t('language') }} link={link} />}
      signIn={
        signInUrl && (
          <a className="text-link inline-block py-1" href={signInUrl}>
            {t('sign-in')}
          </a>
        )
      }
    >
      {children}
    </Sheet>
  )
}
