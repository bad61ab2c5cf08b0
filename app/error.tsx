'use client'

import { ErrorPageDocument } from '@/components/error-page'
import { useErrorPageData } from '@/components/error-page-data'

export default function ErrorPage() {
  const messages = useErrorPageData()
  if (messages === null) throw new Error('the layout does not provide the data')
  return <ErrorPageDocument messages={messages} />
}
