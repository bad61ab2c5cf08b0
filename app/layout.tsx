import type { Viewport } from 'next'
import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { ErrorPageDataProvider } from '@/components/error-page-data'
import { brandStyle, helpLine } from '@/components/brand-style'
import { directionOf } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'
import { theme } from '@/lib/theme/tokens'
import './globals.css'
import { visitorLanguage } from '@/app/i18n/request'

/** Prevents static HTML at build time: a build has neither the settings nor the nonce of a response. */
export const dynamic = 'force-dynamic'

const light = theme.light.colors
const dark = theme.dark.colors

/** The colours of the browser's own bars are those of the background of `HtmlDocument`. The first match applies. */
export const viewport: Viewport = {
  themeColor: [
    { media: '(prefers-color-scheme: light) and (width < 40rem)', color: light.surface },
    { media: '(prefers-color-scheme: dark) and (width < 40rem)', color: dark.surface },
    { media: '(prefers-color-scheme: light)', color: light.paper },
    { media: '(prefers-color-scheme: dark)', color: dark.paper },
  ],
}

/** Does not render `<html>`: `lang` may depend on the account of a link, and a layout does not receive the link. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const language = await visitorLanguage()
  const t = await getTranslations({ locale: language, namespace: 'pages.error' })
  const { settings } = services()
  const { appName, logoUrl } = settings.branding
  const data = {
    title: t('title'),
    lead: t('lead'),
    retry: t('retry'),
    language,
    direction: directionOf(language),
    appName,
    logoUrl,
    icon: logoUrl ?? pathInApp(settings, '/icon.svg'),
    brand: await brandStyle(),
    help: await helpLine(language),
  }
  return <ErrorPageDataProvider data={data}>{children}</ErrorPageDataProvider>
}
