'use client'

import { ErrorPageContent } from '@/components/error-page'
import { useErrorPageMessages } from '@/components/error-page-messages'

/** Whatever a page throws. The layout is still there, so its messages are. */
export default function ErrorPage() {
  const messages = useErrorPageMessages()
  if (messages === null) throw new Error('the layout gives the words')
  return <ErrorPageContent messages={messages} />
}
