import { notFound } from 'next/navigation'
import type { ReactNode } from 'react'
import { services } from '@/services'

/** A layout of pages that need RESET_PASSWORD_VERIFICATION_ENABLED. */
export default function NotFoundUnlessEnabled({ children }: { children: ReactNode }) {
  if (!services().settings.reset.enabled) notFound()
  return children
}
