'use client'

import { createContext, useContext, type ReactNode } from 'react'

/** The messages and the branding of an error page. `app/error.tsx` gets them from a provider, because Next does not pass such data. */
export type ErrorPageData = Record<'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry', string> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const ErrorPageDataContext = createContext<ErrorPageData | null>(null)

/** Provides the data to the error page of any page among the children. */
export function ErrorPageDataProvider({ data, children }: { data: ErrorPageData; children: ReactNode }) {
  return <ErrorPageDataContext value={data}>{children}</ErrorPageDataContext>
}

/** Returns the data of the nearest provider; null without one. */
export function useErrorPageData(): ErrorPageData | null {
  return useContext(ErrorPageDataContext)
}
