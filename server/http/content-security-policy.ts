import { isIP } from 'node:net'
import type { Settings } from '@/lib/config/settings'

/** What a policy depends on, besides the response itself. */
export type PolicyRules = Pick<Settings, 'mode' | 'publicOrigin' | 'basePath'> & {
  /** Next's dev server runs behind: it evaluates code, writes styles, and keeps a web socket open. */
  dev: boolean
}

/** For a response that is no page: it may load nothing and be shown nowhere. */
export const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * What a page may load: its own files, and the scripts that carry the nonce of this response (OWASP CSP, "Strict policy").
 * Under a path, `'self'` would be every app of the origin.
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
  // The mailbox of demo and dev shows caught emails in a frame.
  if (mode !== 'production') directives.push("frame-src 'self'")
  if (publicOrigin.startsWith('https:')) directives.push('upgrade-insecure-requests')
  return directives.join('; ')
}

/**
 * The path of this app as a source of a content security policy. Demo and dev are reached by more than one name, and an IP
 * address is no source that browsers must understand (CSP Level 3 §6.7.2.8): there, and without a path, the origin.
 */
function ownSource({ mode, publicOrigin, basePath }: PolicyRules): string {
  const { hostname } = new URL(publicOrigin)
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return basePath === '' || mode !== 'production' || isAddress ? "'self'" : `${publicOrigin}${basePath}/`
}
