'use client'

import { CrashPage } from '@/components/error-page'
import { useCrashWords } from '@/components/error-page-messages'

/** Whatever a page throws. The layout is still there, so its words are. */
export default function ErrorPage() {
  const words = useCrashWords()
  if (words === null) throw new Error('the layout gives the words')
  return <CrashPage words={words} />
}
