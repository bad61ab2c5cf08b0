'use client'

import { createContext, useContext, type ReactNode } from 'react'

/** The messages and the branding of an error page. A provider passes them, because Next passes an error page only the error. */
export type ErrorPageData = Record<'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry', string> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const ErrorPageDataContext = createContext<ErrorPageData | null>(null)

/** Provides the data to the error page of all pages below. */
export function ErrorPageDataProvider({ data, children }: { data: ErrorPageData; children: ReactNode }) {
  return <ErrorPageDataContext value={data}>{children}</ErrorPageDataContext>
}

/** Returns the provided data; null outside of the provider. */
export function useErrorPageData(): ErrorPageData | null {
  return useContext(ErrorPageDataContext)
}
