'use client'

import { CrashPage } from '@/components/crash-page'
import { useCrashWords } from '@/components/crash-words'

/** Whatever a page throws. The layout is still there, so its words are. */
export default function ErrorPage() {
  const words = useCrashWords()
  if (words === null) throw new Error('the layout gives the words')
  return <CrashPage words={words} />
}
