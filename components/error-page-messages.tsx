'use client'

import { createContext, useContext, type ReactNode } from 'react'

export type CrashWords = Record<'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry', string> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const Words = createContext<CrashWords | null>(null)

/** Provides messages and branding to error pages, because Next passes them nothing but the error. */
export function CrashWordsProvider({ words, children }: { words: CrashWords; children: ReactNode }) {
  return <Words value={words}>{children}</Words>
}

export function useCrashWords(): CrashWords | null {
  return useContext(Words)
}
