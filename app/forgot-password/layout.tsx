import { notFound } from 'next/navigation'
import type { ReactNode } from 'react'
import { services } from '@/services'

/** Where RESET_PASSWORD_VERIFICATION_ENABLED is false, there is no such page, as there is no such endpoint. */
export default function ForgotPasswordLayout({ children }: { children: ReactNode }) {
  if (!services().settings.reset.enabled) notFound()
  return children
}
