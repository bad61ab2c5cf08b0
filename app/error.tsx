'use client'

import { ErrorPageContent } from '@/components/error-page'
import { useErrorPageMessages } from '@/components/error-page-messages'

/** Shown for errors that a page throws. The layout still renders and provides the messages. */
export default function ErrorPage() {
  const messages = useErrorPageMessages()
  if (messages === null) throw new Error('the layout gives the words')
  return <ErrorPageContent messages={messages} />
}
