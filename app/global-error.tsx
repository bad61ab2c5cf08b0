'use client'

import './globals.css'
import { ErrorPageDocument } from '@/components/error-page'
import type { ErrorPageData } from '@/components/error-page-data'

/** Next shows this page if the root layout throws. The language and the settings are not available then. */
const messages: ErrorPageData = {
  language: 'en',
  direction: 'ltr',
  appName: 'Rekey',
  // An empty icon: otherwise the browser requests `/favicon.ico`, which may belong to another app.
  icon: 'data:,',
  title: 'Something went wrong on our side',
  lead: 'It is not your fault. Please try again in a minute.',
  retry: 'Try again',
}

export default function GlobalErrorPage() {
  return <ErrorPageDocument messages={messages} />
}
