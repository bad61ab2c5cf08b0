import { notFound } from 'next/navigation'
import { services } from '@/lib/services'

/** Where password managers send people to change a password (W3C "A Well-Known URL for Changing Passwords"). */
export function GET(): Response {
  if (!services().settings.reset.enabled) notFound()
  return new Response(null, { status: 303, headers: { Location: '/forgot-password/' } })
}
