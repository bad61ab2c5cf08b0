import { isIP } from 'node:net'
import type { Settings } from '@/lib/config/settings'

/** The settings that affect a policy. */
export type PolicyRules = Pick<Settings, 'mode' | 'publicOrigin' | 'basePath'> & {
  /** For Next's dev server, which evaluates code, adds styles and keeps a WebSocket open. */
  dev: boolean
}

/** For responses that are not pages: nothing may be loaded, and no frame may show them. */
export const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Returns the policy of a page: it may load its own files, and scripts with the nonce of this response (OWASP CSP, "Strict
 * policy"). Under a path, its own files are named by that path, because `'self'` would include the other apps of the origin.
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
 * Returns this app's own source: its path, or the whole origin if it has none. Also the origin in demo and dev, which have
 * more than one name, and for an IP address, which browsers need not support as a source (CSP Level 3 §6.7.2.8).
 */
function ownSource({ mode, publicOrigin, basePath }: PolicyRules): string {
  const { hostname } = new URL(publicOrigin)
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return basePath === '' || mode !== 'production' || isAddress ? "'self'" : `${publicOrigin}${basePath}/`
}
