import { notFound } from 'next/navigation'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'

/** Redirects password managers to the forgot-password page (W3C "A Well-Known URL for Changing Passwords"); 404 if resets are disabled. */
export function GET(): Response {
  const { settings } = services()
  if (!settings.reset.enabled) notFound()
  return new Response(null, {
    status: 303,
    headers: { Location: pathInApp(settings, '/forgot-password/') },
  })
}
