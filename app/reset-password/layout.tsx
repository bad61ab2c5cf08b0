import { notFound } from 'next/navigation'
import type { ReactNode } from 'react'
import { services } from '@/services'

/** Responds with 404 if RESET_PASSWORD_VERIFICATION_ENABLED is false, like the endpoint. */
export default function ResetPasswordLayout({ children }: { children: ReactNode }) {
  if (!services().settings.reset.enabled) notFound()
  return children
}
