import { maxAccountIdLength } from '@/lib/config/account-id'
import { findLink } from '@/lib/http/link-repair'
import type { LinkKind } from '@/lib/password-reset/reset-link'
import type { LinkSigner } from '@/lib/password-reset/reset-link'

const names = ['user_id', 'timestamp', 'signature'] as const

/** A page's query as Next passes it: a repeated parameter has a list of values. */
export type PageQuery = Record<string, string | string[] | undefined>

export type LinkParameters = Record<(typeof names)[number], string>

/** Stands for a damaged link in the language menu, so that the page in another language does not show the link as missing. */
export const damagedLinkMarker = { signature: '' }

/**
 * Reads the link from a page's URL, repaired if a mail program damaged it. The caller must verify the link.
 *
 * @returns 'none' if no parameter's name contains the name of a link's parameter; 'damaged' if the link is not genuine and a parameter
 *   is missing, empty, repeated or longer than `maxAccountIdLength`
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
