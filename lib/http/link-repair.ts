import { linkSchema } from './request-schemas'
import { purposesByKind, type Link, type LinkKind, type LinkSigner } from '@/lib/password-reset/reset-link'

// Repairs links that mail programs damaged.

const names = ['user_id', 'timestamp', 'signature'] as const

/** White space is damage in the URL of a page, but a client's error in the fields of a body. */
export type LinkSource = 'url' | 'fields'

/** The query of a page, or the unvalidated fields of a body. */
type Received = Record<string, unknown>

/** In characters of the joined parameters. Longer links are not repaired. */
export const maxRepairedLength = 2000

type Rule = (text: string, source: LinkSource) => string

/** Decodes a link that was percent-encoded twice, as a whole or in part (orbiting/backends#38, Open-Xchange). */
const decodePercent: Rule = (text) =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes)
    } catch {
      return escapes
    }
  })

/**
 * Decodes quoted-printable (RFC 2045 §6.7): `=3D` for `=` (yiisoft/yii2#6748), and soft line breaks (lldap/lldap#370), of which a browser
 * may keep only the `=`. Keeps `=3D` after a name with a plain `=`: `3D` is then the beginning of a value, such as a user id.
 */
const decodeQuotedPrintable: Rule = (text) => {
  const joined = text
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/(?<!user_id|tamp|signature)=(?!3D)(?=[\w-])/gi, '')
  return /(?:user_id|tamp|signature)=(?!=?3D)/i.test(joined) ? joined : joined.replace(/={1,2}3D/gi, '=')
}

/**
 * Undoes HTML escapes of `&`: `&amp;` (luarocks/luarocks-site#20, foundation/foundation-emails#1056), `#038;`
 * (restrictcontentpro/restrict-content-pro#1585), and the `×` that HTML makes of the `&times` in `&timestamp`
 * (metabrainz/metabrainz.org#625). Decoded with another charset, `×` becomes U+FFFD or two characters.
 */
const decodeEntities: Rule = (text) =>
  text
    .replace(/(?:&(?:amp;?|#0*38;?|#x0*26;?)|#0*38;|#x0*26;)(?:amp;?|#0*38;|#x0*26;)*/gi, '&')
    .replace(/(?:×|\ufffd|\u00c3[\u0097\u2014]|&(?:times|#215|#xd7);)(?=tamp=)/gi, '&times')

/**
 * Removes what line wrapping adds: line breaks and spaces (mozilla/fxa-auth-server#722, pwm-project/pwm#697), invisible characters, and
 * the `>` of a quoted line (RFC 3676 §4.5). In fields, keeps runs without `>`: see {@link LinkSource}.
 */
const joinLines: Rule = (text, source) =>
  text.replace(/[\s>\u00ad\u200b-\u200d\u2060]+/gu, (run) =>
    source === 'url' || run.includes('>') ? '' : run,
  )

/**
 * Removes text after the signature that a mail program took for a part of the link, such as a full stop
 * (DemocracyClub/UK-Polling-Stations#6926), `!` (dachcom-digital/pimcore-members#136) or a bracket (thp/urlwatch#387,
 * tutao/tutanota#3218). Keeps `=`, so that a padded signature stays invalid.
 */
const cutTrailingText: Rule = (text) =>
  text.replace(/((?:^|&)signature=[\w-]*)[.,:;!?'"`*<>()[\]{}|\\…’”›»。，、）」』】》][^&]*/g, '$1')

const rules: readonly Rule[] = [
  decodePercent,
  decodeQuotedPrintable,
  decodeEntities,
  joinLines,
  cutTrailingText,
]

export const repairLinkText: Rule = (text, source) =>
  rules.reduce((mended, rule) => rule(mended, source), text)

/** The most spellings that {@link findLink} tries. */
export const maxSpellings = 2 + rules.length

/** Matches the names of a damaged link's fields, such as `amp;timestamp`. */
const fieldOfLink = /(?:user_id|tamp|signature)$/

/**
 * Finds the first spelling with a valid outer MAC, so a repair cannot forge a link. Looks up no account, so its time does not reveal
 * whether the account exists.
 *
 * @returns undefined if no spelling has a valid outer MAC
 */
export function findLink(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  received: Received,
  source: LinkSource,
): Link | undefined {
  if (source === 'fields' && !Object.keys(received).some((name) => fieldOfLink.test(name))) return undefined
  const tried = new Set<string>()
  for (const link of spellingsOf(received, source)) {
    if (link === undefined) continue
    const spelling = JSON.stringify([link.user_id, link.timestamp, link.signature])
    if (tried.has(spelling)) continue
    tried.add(spelling)
    if (purposesByKind[kind].some((purpose) => links.verifyAuthenticity(purpose, link) !== null)) return link
  }
  return undefined
}

/** Replaces a damaged link in a body's fields. Keeps fields that contain no valid link, so that validation reports what was sent. */
export function repairFields(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  fields: Record<string, unknown>,
): Record<string, unknown> {
  const link = findLink(links, kind, fields, 'fields')
  return link === undefined ? fields : { ...fields, ...link, timestamp: String(link.timestamp) }
}

/** Yields undefined for a spelling without three well-formed parameters. */
function* spellingsOf(received: Received, source: LinkSource): Generator<Link | undefined> {
  yield linkSchema.safeParse(received).data
  const text = joinParameters(received, source)
  if (text === undefined || text.length > maxRepairedLength) return
  for (const rule of rules) yield readText(rule(text, source))
  yield readText(repairLinkText(text, source))
}

/** Joins values to one text like a query string. Returns undefined if a present value is neither text nor an integer. */
function joinParameters(received: Received, source: LinkSource): string | undefined {
  const pieces: string[] = []
  for (const [name, value] of Object.entries(received)) {
    if (source === 'fields' && !fieldOfLink.test(name)) continue
    // The value of a repeated parameter of a URL is a list.
    const values = source === 'url' && Array.isArray(value) ? (value as unknown[]) : [value]
    for (const one of values) {
      if (one === undefined || one === null) continue
      if (typeof one !== 'string' && typeof one !== 'bigint') return undefined
      // A link whose separators were encoded arrives as one name without a value.
      pieces.push(one === '' ? name : `${name}=${one}`)
    }
  }
  return pieces.join('&')
}

/** Values that scripts send for a missing parameter. */
const absent: readonly string[] = ['', 'null', 'undefined']

/** Parses a text like a query string. Undefined if a parameter is missing, malformed or repeated. */
function readText(text: string): Link | undefined {
  const found: Record<string, string> = Object.create(null)
  for (const piece of text.split('&')) {
    const [name, value] = cutAtEquals(piece)
    if (!(names as readonly string[]).includes(name) || absent.includes(value)) continue
    if (name in found) return undefined
    found[name] = value
  }
  return linkSchema.safeParse(found).data
}

function cutAtEquals(piece: string): [name: string, value: string] {
  const at = piece.indexOf('=')
  return at < 0 ? [piece, ''] : [piece.slice(0, at), piece.slice(at + 1)]
}
