import type { Viewport } from 'next'
import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { CrashWordsProvider } from '@/components/crash-words'
import { directionOf } from '@/lib/languages'
import { services } from '@/lib/services'
import './globals.css'
import { visitorLanguage } from './words'

/** Every page is rendered for its request: each answer has a nonce of its own, which static HTML could not carry. */
export const dynamic = 'force-dynamic'

export const viewport: Viewport = {
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f6f5f1' },
    { media: '(prefers-color-scheme: dark)', color: '#0f1519' },
  ],
}

/**
 * The document itself is in `components/sheet.tsx`, a level further in than usual: `<html lang>` follows the account
 * that a link belongs to, and a layout does not see the link.
 */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const language = await visitorLanguage()
  const t = await getTranslations({ locale: language, namespace: 'pages.error' })
  const words = { title: t('title'), lead: t('lead'), retry: t('retry') }
  const { appName } = services().settings.look
  return (
    <CrashWordsProvider words={{ ...words, language, direction: directionOf(language), appName }}>
      {children}
    </CrashWordsProvider>
  )
}
