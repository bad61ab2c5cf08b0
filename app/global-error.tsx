'use client'

import './globals.css'
import { ErrorPageContent } from '@/components/error-page'
import type { ErrorPageMessages } from '@/components/error-page-messages'

/** Said when even the layout failed, so that neither the language nor the settings are known. */
const messages: ErrorPageMessages = {
  language: 'en',
  direction: 'ltr',
  appName: 'Rekey',
  // None, and none at the root of the host either, where a browser looks by itself.
  icon: 'data:,',
  title: 'Something went wrong on our side',
  lead: 'It is not your fault. Please try again in a minute.',
  retry: 'Try again',
}

export default function GlobalErrorPage() {
  return <ErrorPageContent messages={messages} />
}
