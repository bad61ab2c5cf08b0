import { isIP } from 'node:net'
import type { Settings } from '@/lib/config/settings'

/** The settings that affect a page's Content-Security-Policy. */
export type PolicyRules = Pick<Settings, 'mode' | 'publicOrigin' | 'basePath'> & {
  /** Whether pages come from Next's dev server, which evaluates code, adds styles and keeps a WebSocket open. */
  dev: boolean
}

/** The policy of responses that are not pages: they may load nothing, and no frame may show them. */
export const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Returns the policy of a page, which may load this app's files and `data:` images. A script needs the nonce of this response, or
 * must be loaded by a script that has the nonce (OWASP CSP, "Strict policy").
 */
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
 * Returns the source of this app's own files: `'self'` if PUBLIC_URL has no path, in demo and dev, which are reached under several host
 * names, and if the host is an IP address, which browsers need not support as a source (CSP Level 3, "host-part matches"); otherwise
 * PUBLIC_URL, because `'self'` would include the other apps of the origin.
 */
function ownSource({ mode, publicOrigin, basePath }: PolicyRules): string {
  const { hostname } = new URL(publicOrigin)
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return basePath === '' || mode !== 'production' || isAddress ? "'self'" : `${publicOrigin}${basePath}/`
}
