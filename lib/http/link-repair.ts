import { linkSchema } from './request-schemas'
import { purposesByKind, type Link, type LinkKind, type LinkSigner } from '@/lib/password-reset/reset-link'

// Repairs links that mail programs damaged. All pages and endpoints that read a link from a request use this file.

const names = ['user_id', 'timestamp', 'signature'] as const

/**
 * Where the link was received: in the URL of a page or in the fields of a body. A URL comes straight from a mail program, so white space
 * in it is damage. Fields come from a client, so white space alone in them is an error of the client.
 */
export type LinkSource = 'url' | 'fields'

/** The received values by name: the query of a page as Next parses it, or the unvalidated fields of a body. */
type Received = Record<string, unknown>

/** The most characters of a damaged link's joined parameters; longer ones are not repaired. An intact link with a UUID has 162. */
export const maxRepairedLength = 2000

type Rule = (text: string, source: LinkSource) => string

/**
 * Decodes a link that was percent-encoded twice, as a whole or in part (orbiting/backends#38, Open-Xchange). Separators that were
 * encoded once need no rule: they arrive decoded within a value, and `readText` splits the joined values at them.
 */
const decodePercent: Rule = (text) =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes)
    } catch {
      return escapes
    }
  })

/**
 * Decodes quoted-printable (RFC 2045 §6.7): `=3D` for `=` (yiisoft/yii2#6748, also `==3D`) and soft line breaks (lldap/lldap#370). A
 * browser drops the line end of a pasted link, so a soft line break may be a bare `=`. If a plain `=` follows a parameter's name, no
 * `=3D` is decoded: the text is not quoted-printable, and `3D` is the beginning of a value, such as a user id.
 */
const decodeQuotedPrintable: Rule = (text) => {
  const joined = text
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/(?<!user_id|tamp|signature)=(?!3D)(?=[\w-])/gi, '')
  return /(?:user_id|tamp|signature)=(?!=?3D)/i.test(joined) ? joined : joined.replace(/={1,2}3D/gi, '=')
}

/**
 * Undoes HTML that was encoded or decoded once too often:
 * - `&amp;` for `&`, also repeated (luarocks/luarocks-site#20, foundation/foundation-emails#1056);
 * - `&#038;` and `#038;` for `&` (restrictcontentpro/restrict-content-pro#1585), also in hexadecimal;
 * - `×` for the `&times` of `&timestamp`, which HTML decodes without a semicolon (metabrainz/metabrainz.org#625). After an error of
 *   character sets, `×` arrives as U+FFFD or as two characters, one for each of its UTF-8 bytes.
 */
const decodeEntities: Rule = (text) =>
  text
    .replace(/(?:&(?:amp;?|#0*38;?|#x0*26;?)|#0*38;|#x0*26;)(?:amp;?|#0*38;|#x0*26;)*/gi, '&')
    .replace(/(?:×|\ufffd|\u00c3[\u0097\u2014]|&(?:times|#215|#xd7);)(?=tamp=)/gi, '&times')

/**
 * Removes what the wrapping of lines adds to a long link: line breaks and spaces (mozilla/fxa-auth-server#722,
 * pwm-project/pwm#697), invisible characters such as soft hyphens, and the `>` of a quoted line (RFC 3676 §4.5).
 * In fields, removes a run of these characters only if it contains `>`: see {@link LinkSource}.
 */
const joinLines: Rule = (text, source) =>
  text.replace(/[\s>\u00ad\u200b-\u200d\u2060]+/gu, (run) =>
    source === 'url' || run.includes('>') ? '' : run,
  )

/**
 * Removes text after the signature that a mail program took for a part of the link, such as the full stop of the sentence
 * (DemocracyClub/UK-Polling-Stations#6926), an exclamation mark (dachcom-digital/pimcore-members#136), a bracket (thp/urlwatch#387,
 * tutao/tutanota#3218), or a quotation mark. Keeps `=`, so that a padded signature stays invalid: a link has one spelling.
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

/** Applies all rules one after the other, in linear time. */
export const repairLinkText: Rule = (text, source) =>
  rules.reduce((mended, rule) => rule(mended, source), text)

/** The most spellings of one link that are tried: as received, after each rule alone, and after all rules together. */
export const maxSpellings = 2 + rules.length

const schema = linkSchema()

/** Matches the name of a field that may belong to a damaged link, such as `amp;timestamp`, but not `password`. */
const fieldOfLink = /(?:user_id|tamp|signature)$/

/**
 * Finds the link in the received values: the first spelling with a valid outer MAC (lib/password-reset/reset-link.ts). So a repair
 * cannot forge a link that Rekey did not sign. The search looks up no account, so its time does not reveal whether the
 * account exists.
 *
 * @param links verifies the outer MAC, which needs no database
 * @param kind the page for which the link must be valid
 * @param received all parameters of a URL, or all fields of a body
 * @returns the link in its canonical spelling; undefined if no spelling has a valid outer MAC
 */
export function findLink(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  received: Received,
  source: LinkSource,
): Link | undefined {
  // A body without such a name contains no link, so nothing needs to be tried.
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

/**
 * Returns a body's fields with a damaged link replaced by the repaired one. If there is no link or it cannot be repaired, the fields
 * stay as they are, so that validation reports the errors of what was sent.
 */
export function repairFields(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  fields: Record<string, unknown>,
): Record<string, unknown> {
  const link = findLink(links, kind, fields, 'fields')
  return link === undefined ? fields : { ...fields, ...link, timestamp: String(link.timestamp) }
}

/** Yields every spelling to try, first the received one. Yields undefined for a spelling without three well-formed parameters. */
function* spellingsOf(received: Received, source: LinkSource): Generator<Link | undefined> {
  yield schema.safeParse(received).data
  const text = joinParameters(received, source)
  if (text === undefined || text.length > maxRepairedLength) return
  for (const rule of rules) yield readText(rule(text, source))
  yield readText(repairLinkText(text, source))
}

/**
 * Joins the received values, which were decoded once, to one text like a query string. Skips missing values. Returns undefined if a
 * value is neither text nor an integer.
 */
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

/** The values that a client's script sends for a parameter that is missing in its damaged URL. */
const absent: readonly string[] = ['', 'null', 'undefined']

/** Parses a text like a query string. Undefined if a parameter is missing, malformed, or repeated (any of its values could be right). */
function readText(text: string): Link | undefined {
  const found: Record<string, string> = Object.create(null)
  for (const piece of text.split('&')) {
    const [name, value] = cutAtEquals(piece)
    if (!(names as readonly string[]).includes(name) || absent.includes(value)) continue
    if (name in found) return undefined
    found[name] = value
  }
  return schema.safeParse(found).data
}

function cutAtEquals(piece: string): [name: string, value: string] {
  const at = piece.indexOf('=')
  return at < 0 ? [piece, ''] : [piece.slice(0, at), piece.slice(at + 1)]
}
