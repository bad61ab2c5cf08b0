import { notFound } from 'next/navigation'
import { services } from '@/services'

/** How long what is told may be believed; RFC 9116 §2.5.5 asks for less than a year. */
const daysGood = 30

/** Says where to report a vulnerability (RFC 9116). Without `SECURITY_CONTACT` there is no such file. */
export function GET(): Response {
  const { securityContact, publicOrigin } = services().settings
  if (securityContact === undefined) notFound()
  const fields = [
    // At the root of the origin, also where Rekey is under a path: a proxy routes it (RFC 9116 §3).
    `Contact: ${securityContact}`,
    `Expires: ${new Date(Date.now() + daysGood * 86_400_000).toISOString()}`,
    `Canonical: ${publicOrigin}/.well-known/security.txt`,
  ]
  return new Response(`${fields.join('\n')}\n`, { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
}
