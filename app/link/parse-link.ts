import { maxAccountIdLength } from '@/lib/config/account-id'
import { findLink } from '@/lib/http/link-repair'
import type { LinkKind } from '@/lib/password-reset/reset-link'
import type { LinkSigner } from '@/lib/password-reset/reset-link'

const names = ['user_id', 'timestamp', 'signature'] as const

/** A page's query as Next passes it: a repeated parameter is a list. */
export type PageQuery = Record<string, string | string[] | undefined>

/** The parameters of a link, as spelled in the URL. */
export type LinkParameters = Record<(typeof names)[number], string>

/** The parameters with which the page recognises on the next request that its link was damaged, not missing. */
export const damagedLinkMarker = { signature: '' }

/**
 * Parses the link in a page's URL. Repairs a link that a mail program damaged, so that the page's forms send a valid one.
 * Returns an invalid link as received: the page verifies every link.
 *
 * @returns 'none' if the URL contains no part of a link; 'damaged' if a parameter is missing, empty, repeated or longer
 *   than an account's id, because the page copies it into its forms
 */
export function readLinkParameters(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  query: PageQuery,
): LinkParameters | 'none' | 'damaged' {
  const sent = Object.keys(query)
  if (!names.some((name) => sent.some((key) => key.includes(name)))) return 'none'
  const link = findLink(links, kind, query, 'url')
  if (link !== undefined) return { ...link, timestamp: String(link.timestamp) }
  const [user_id, timestamp, signature] = names.map((name) => {
    const value = Object.hasOwn(query, name) ? query[name] : undefined
    return typeof value === 'string' && value.length <= maxAccountIdLength ? value.trim() : ''
  })
  return user_id && timestamp && signature ? { user_id, timestamp, signature } : 'damaged'
}
