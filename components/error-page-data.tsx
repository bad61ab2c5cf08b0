'use client'

import { createContext, useContext, type ReactNode } from 'react'

export type ErrorPageData = Record<'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry', string> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const MessagesContext = createContext<ErrorPageData | null>(null)

/** Provides messages and branding to error pages, because Next passes them nothing but the error. */
export function ErrorPageDataProvider({
  messages,
  children,
}: {
  messages: ErrorPageData
  children: ReactNode
}) {
  return <MessagesContext value={messages}>{children}</MessagesContext>
}

export function useErrorPageData(): ErrorPageData | null {
  return useContext(MessagesContext)
}
