import { notFound } from 'next/navigation'
import type { ReactNode } from 'react'
import { services } from '@/services'

/** A layout that responds with 404 if RESET_PASSWORD_VERIFICATION_ENABLED is false, like the endpoints. */
export default function NotFoundUnlessEnabled({ children }: { children: ReactNode }) {
  if (!services().settings.reset.enabled) notFound()
  return children
}
