import { notFound } from 'next/navigation'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'

/** Redirects password managers to the page that requests a link (W3C "A Well-Known URL for Changing Passwords"). */
export function GET(): Response {
  const { settings } = services()
  if (!settings.reset.enabled) notFound()
  return new Response(null, {
    status: 303,
    headers: { Location: pathInApp(settings, '/forgot-password/') },
  })
}
