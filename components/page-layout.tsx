import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { directionOf, type Language } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'
import { LanguageMenu } from './language-menu'
import { HtmlDocument } from './document'
import { ProgressSteps, type Step } from './progress-steps'
import { brandStyle, helpLine } from './brand-style'

/** Not a layout of Next, because only a page knows its language. @param link the parameters that the language menu must keep */
export async function PageLayout({
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
  const { appName, logoUrl, signInUrl } = settings.branding
  const t = await getTranslations({ locale: language, namespace: 'pages.frame' })
  const names = [t('step-ask'), t('step-open'), t('step-choose')] as const
  return (
    <HtmlDocument
      language={language}
      direction={directionOf(language)}
      title={title}
      appName={appName}
      logoUrl={logoUrl}
      icon={logoUrl ?? pathInApp(settings, '/icon.svg')}
      brand={await brandStyle()}
      steps={
        step && <ProgressSteps step={step} messages={{ title: t('steps'), names, done: t('step-done') }} />
      }
      help={await helpLine(language)}
      menu={<LanguageMenu language={language} messages={{ title: t('language') }} link={link} />}
      signIn={
        signInUrl && (
          <a className="text-link inline-block py-1" href={signInUrl}>
            {t('sign-in')}
          </a>
        )
      }
    >
      {children}
    </HtmlDocument>
  )
}
