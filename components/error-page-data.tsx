'use client'

import { createContext, useContext, type ReactNode } from 'react'

export type ErrorPageData = Record<'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry', string> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const ErrorPageDataContext = createContext<ErrorPageData | null>(null)

/** Provides the data to `app/error.tsx` by a context, because Next renders that page itself. */
export function ErrorPageDataProvider({ data, children }: { data: ErrorPageData; children: ReactNode }) {
  return <ErrorPageDataContext value={data}>{children}</ErrorPageDataContext>
}

export function useErrorPageData(): ErrorPageData | null {
  return useContext(ErrorPageDataContext)
}
