import { isIP } from 'node:net'
import type { Settings } from '@/lib/config/settings'

export type PolicyRules = Pick<Settings, 'mode' | 'publicOrigin' | 'basePath'> & {
  /** Whether pages come from Next's dev server, which evaluates code, adds styles and keeps a WebSocket open. */
  dev: boolean
}

/** The policy of responses that are not pages. */
export const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Returns the policy of a page. A script needs the nonce, or a loading script that has it (OWASP CSP, "Strict policy"). */
export function pagePolicy(nonce: string, rules: PolicyRules): string {
  const { mode, publicOrigin, dev } = rules
  const own = ownSource(rules)
  const directives = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'${dev ? " 'unsafe-eval'" : ''}`,
    dev ? `style-src ${own} 'unsafe-inline'` : `style-src ${own} 'nonce-${nonce}'`,
    `img-src ${own} data:`,
    `font-src ${own}`,
    `connect-src ${own}${dev ? ' ws:' : ''}`,
    `manifest-src ${own}`,
    `form-action ${own}`,
    "base-uri 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
  ]
  // The mailbox of demo and dev shows stored emails in a frame.
  if (mode !== 'production') directives.push("frame-src 'self'")
  if (publicOrigin.startsWith('https:')) directives.push('upgrade-insecure-requests')
  return directives.join('; ')
}

/**
 * Returns the source of this app's files. With a path in PUBLIC_URL, `'self'` would include other apps of the origin. But demo and dev
 * have several host names, and browsers need not support an IP address as a source (CSP Level 3, "host-part matches").
 */
function ownSource({ mode, publicOrigin, basePath }: PolicyRules): string {
  const { hostname } = new URL(publicOrigin)
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return basePath === '' || mode !== 'production' || isAddress ? "'self'" : `${publicOrigin}${basePath}/`
}
