'use client'

import { createContext, useContext, type ReactNode } from 'react'

export type CrashWords = Record<'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry', string> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const Words = createContext<CrashWords | null>(null)

/** Next gives an error page nothing but the error; the layout leaves its words, and the team's look, here beforehand. */
export function CrashWordsProvider({ words, children }: { words: CrashWords; children: ReactNode }) {
  return <Words value={words}>{children}</Words>
}

export function useCrashWords(): CrashWords | null {
  return useContext(Words)
}
