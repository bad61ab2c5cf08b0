import type { Query } from '../problems'

const names = ['user_id', 'timestamp', 'signature'] as const

/** A link as its address spells it, under the names that the endpoints know. */
export type LinkParameters = Record<(typeof names)[number], string>

/** No parameter of ours is as long, whatever a mail program has added; mending takes more than linear time. */
const longest = 200

/** What a page has to be given to know again that its link was damaged, and not none at all. */
export const damagedLink = { signature: '' }

/** White space, and the invisible characters that mail programs put where a long line may break. */
const breaks = /[\s\u00ad\u200b-\u200d\u2060]+/gu

/** Marks at the end that no signature (base64url) has: the sentence's full stop, the bracket around the link. */
const trailingMarks = /[^A-Za-z0-9_-]+$/

/**
 * Reads a link's parameters out of the address, and undoes what mail programs are known to do to links: line breaks and
 * spaces inside, `&amp;` for `&`, a closing bracket or full stop taken for part of the link. Each mending removes what
 * cannot belong to a link of ours, so nothing is guessed, and the signature is judged afterwards as ever.
 *
 * @returns 'none' where the address carries no link at all; 'damaged' where a parameter is missing, empty,
 *   repeated or much too long
 */
export function readLinkParameters(query: Query): LinkParameters | 'none' | 'damaged' {
  const found = new Map<string, string[]>()
  for (const [name, value] of Object.entries(query)) {
    const plainName = name.replace(/^(?:amp;)+/, '')
    if (value !== undefined) found.set(plainName, [...(found.get(plainName) ?? []), value].flat())
  }
  if (names.every((name) => !found.has(name))) return 'none'

  const [userId, timestamp, signature] = names.map((name) => {
    const values = found.get(name) ?? []
    const [value = ''] = values
    return values.length === 1 && value.length <= longest ? value.replace(breaks, '') : ''
  })
  const mended = signature?.replace(trailingMarks, '')
  return userId && timestamp && mended ? { user_id: userId, timestamp, signature: mended } : 'damaged'
}
