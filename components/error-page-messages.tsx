'use client'

import { createContext, useContext, type ReactNode } from 'react'

export type ErrorPageMessages = Record<
  'language' | 'appName' | 'icon' | 'title' | 'lead' | 'retry',
  string
> & {
  direction: 'ltr' | 'rtl'
  logoUrl?: string | undefined
  brand?: ReactNode
  help?: ReactNode
}

const MessagesContext = createContext<ErrorPageMessages | null>(null)

/** Provides messages and branding to error pages, because Next passes them nothing but the error. */
export function ErrorPageMessagesProvider({
  messages,
  children,
}: {
  messages: ErrorPageMessages
  children: ReactNode
}) {
  return <MessagesContext value={messages}>{children}</MessagesContext>
}

export function useErrorPageMessages(): ErrorPageMessages | null {
  return useContext(MessagesContext)
}
