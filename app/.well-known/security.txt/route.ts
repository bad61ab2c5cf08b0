import { notFound } from 'next/navigation'
import { services } from '@/services'

/** Days for which the file is valid. RFC 9116 §2.5.5 recommends less than a year. */
const daysGood = 30

/** Serves the contact for vulnerability reports (RFC 9116); 404 without `SECURITY_CONTACT`. */
export function GET(): Response {
  const { securityContact, publicOrigin } = services().settings
  if (securityContact === undefined) notFound()
  const fields = [
    `Contact: ${securityContact}`,
    `Expires: ${new Date(Date.now() + daysGood * 86_400_000).toISOString()}`,
    // The file belongs under `/.well-known/` of the origin (RFC 9116 §3), even if PUBLIC_URL has a path.
    `Canonical: ${publicOrigin}/.well-known/security.txt`,
  ]
  return new Response(`${fields.join('\n')}\n`, { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
}
