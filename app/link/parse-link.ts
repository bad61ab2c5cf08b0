import { findLink, type LinkKind } from '@/lib/http/link-repair'
import type { Links } from '@/lib/password-reset/reset-link'

const names = ['user_id', 'timestamp', 'signature'] as const

/** A page's query as Next hands it over: a repeated parameter is a list. */
export type Query = Record<string, string | string[] | undefined>

/** A link as its address spells it, under the names that the endpoints know. */
export type LinkParameters = Record<(typeof names)[number], string>

/** Characters of one parameter. No parameter of ours is as long, and the page writes them into its forms. */
const longest = 200

/** What a page has to be given to know again that its link was damaged, and not none at all. */
export const damagedLink = { signature: '' }

/**
 * Reads the link in a page's address. A link that a mail program damaged comes back repaired, so that the page's forms send
 * it whole. A link that does not hold comes back as received: the page verifies every link.
 *
 * @returns 'none' where the address names no part of a link; 'damaged' where a parameter is missing, empty, repeated or
 *   longer than 200 characters
 */
export function readLinkParameters(
  links: Pick<Links, 'verifyAuthenticity'>,
  kind: LinkKind,
  query: Query,
): LinkParameters | 'none' | 'damaged' {
  const sent = Object.keys(query)
  if (!names.some((name) => sent.some((key) => key.includes(name)))) return 'none'
  const link = findLink(links, kind, query, 'address')
  if (link !== undefined) return { ...link, timestamp: String(link.timestamp) }
  const [user_id, timestamp, signature] = names.map((name) => {
    const value = Object.hasOwn(query, name) ? query[name] : undefined
    return typeof value === 'string' && value.length <= longest ? value.trim() : ''
  })
  return user_id && timestamp && signature ? { user_id, timestamp, signature } : 'damaged'
}
