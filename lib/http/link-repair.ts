import { linkSchema } from './request-schemas'
import { purposesOf, type Link, type LinkKind, type LinkSigner } from '@/lib/password-reset/reset-link'

// Repairs links that mail programs damaged. All code that reads a link from a request uses this file.

const names = ['user_id', 'timestamp', 'signature'] as const

/**
 * Where the link was received. A URL comes straight from a mail program, so white space in it is damage. Fields of a
 * request body come from a client, which must send one spelling (ASVS 11.2.4, 1.5.3), so white space alone is no damage.
 */
export type LinkSource = 'url' | 'fields'

/** The received values by name: the query of a page as Next parses it, or the fields of a body. */
type Received = Record<string, unknown>

/** The most characters of a damaged link to repair. Rekey's links have about 160. */
export const maxRepairedLength = 2000

type Rule = (text: string, source: LinkSource) => string

/**
 * Percent-encoded twice, as a whole or in part (orbiting/backends#38, Open-Xchange). Encoding only the separators needs no
 * rule: the received parameters are joined and split again before any rule.
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
 * Quoted-printable (RFC 2045 §6.7) that was not decoded: `=3D` for `=` (yiisoft/yii2#6748, also `==3D`) and soft line
 * breaks (lldap/lldap#370). A browser drops the line end of a pasted link, so a soft line break may be a bare `=`. Where not
 * every name has `=3D` after it, `=3D` is the beginning of a value, such as that of a user id.
 */
const decodeQuotedPrintable: Rule = (text) => {
  const joined = text
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/(?<!user_id|tamp|signature)=(?!3D)(?=[\w-])/gi, '')
  return /(?:user_id|tamp|signature)=(?!=?3D)/i.test(joined) ? joined : joined.replace(/={1,2}3D/gi, '=')
}

/**
 * HTML that was encoded or decoded once too often:
 * - `&amp;` for `&`, also repeated (luarocks/luarocks-site#20, foundation/foundation-emails#1056);
 * - `&#038;` and `#038;` for `&` (restrictcontentpro/restrict-content-pro#1585);
 * - `×` for the `&times` of `&timestamp`, which HTML decodes without a semicolon (metabrainz/metabrainz.org#625). Where it
 *   was written in another character set, `×` arrives as U+FFFD or as the two characters of its UTF-8 bytes.
 */
const decodeEntities: Rule = (text) =>
  text
    .replace(/(?:&(?:amp;?|#0*38;?|#x0*26;?)|#0*38;|#x0*26;)(?:amp;?|#0*38;|#x0*26;)*/gi, '&')
    .replace(/(?:×|\ufffd|\u00c3[\u0097\u2014]|&(?:times|#215|#xd7);)(?=tamp=)/gi, '&times')

/**
 * Removes what the wrapping of lines adds to a long link: line breaks and spaces (mozilla/fxa-auth-server#722,
 * pwm-project/pwm#697), invisible characters that mark where a line may break, and the `>` of a quoted line (RFC 3676 §4.5).
 * In fields, removes such a run only if it contains `>`, because white space alone is no damage there.
 */
const joinLines: Rule = (text, source) =>
  text.replace(/[\s>\u00ad\u200b-\u200d\u2060]+/gu, (run) =>
    source === 'url' || run.includes('>') ? '' : run,
  )

/**
 * Text that follows the link and was taken into it: the full stop of the sentence (DemocracyClub/UK-Polling-Stations#6926),
 * an exclamation mark (dachcom-digital/pimcore-members#136), a bracket (thp/urlwatch#387, tutao/tutanota#3218), a closing
 * quotation mark. Never `=`: a padded signature is another spelling.
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

/** Applies all rules in turn, in linear time. */
export const repairLinkText: Rule = (text, source) =>
  rules.reduce((mended, rule) => rule(mended, source), text)

/** The most spellings of one link that are tried: as received, after each rule alone, after all rules in turn. */
export const maxSpellings = 2 + rules.length

const schema = linkSchema()

/** Matches names that may belong to a damaged link, such as `amp;timestamp`, but never a password. */
const fieldOfLink = /(?:user_id|tamp|signature)$/

/**
 * Finds the link in the received values: the first spelling that Rekey signed (the outer MAC, see `reset-link.ts`), so a repair
 * never creates a link. The number of tried spellings depends neither on the account nor on the database, so that the response
 * time tells of neither.
 *
 * @param links verifies only the outer part of a signature, which needs no database
 * @param received the parameters of a URL or the fields of a body, possibly with others
 * @returns the link in its canonical spelling; undefined if no spelling is valid
 */
export function findLink(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  received: Received,
  source: LinkSource,
): Link | undefined {
  // The names of a request without a link are enough to know.
  if (source === 'fields' && !Object.keys(received).some((name) => fieldOfLink.test(name))) return undefined
  const tried = new Set<string>()
  for (const link of spellingsOf(received, source)) {
    if (link === undefined) continue
    const spelling = JSON.stringify([link.user_id, link.timestamp, link.signature])
    if (tried.has(spelling)) continue
    tried.add(spelling)
    if (purposesOf[kind].some((purpose) => links.verifyAuthenticity(purpose, link) !== null)) return link
  }
  return undefined
}

/**
 * Replaces a damaged link in a body's fields by the repaired one. If the link cannot be repaired, the fields stay as they
 * are, so that validation reports their actual errors.
 */
export function repairFields(
  links: Pick<LinkSigner, 'verifyAuthenticity'>,
  kind: LinkKind,
  fields: Record<string, unknown>,
): Record<string, unknown> {
  const link = findLink(links, kind, fields, 'fields')
  return link === undefined ? fields : { ...fields, ...link, timestamp: String(link.timestamp) }
}

/** Yields every spelling to try, as received first; undefined for a spelling without three well-formed fields. */
function* spellingsOf(received: Received, source: LinkSource): Generator<Link | undefined> {
  yield schema.safeParse(received).data
  const text = joinParameters(received, source)
  if (text === undefined || text.length > maxRepairedLength) return
  for (const rule of rules) yield readText(rule(text, source))
  yield readText(repairLinkText(text, source))
}

/**
 * Joins the received values, which were decoded once, to a query string again. Skips missing values.
 *
 * @returns undefined if a value is neither text nor an integer
 */
function joinParameters(received: Received, source: LinkSource): string | undefined {
  const pieces: string[] = []
  for (const [name, value] of Object.entries(received)) {
    if (source === 'fields' && !fieldOfLink.test(name)) continue
    // Next makes a list of a repeated parameter.
    const values = source === 'url' && Array.isArray(value) ? (value as unknown[]) : [value]
    for (const one of values) {
      if (one === undefined || one === null) continue
      if (typeof one !== 'string' && typeof one !== 'bigint') return undefined
      // A link whose separators are encoded arrives as one name without a value.
      pieces.push(one === '' ? name : `${name}=${one}`)
    }
  }
  return pieces.join('&')
}

/** The values that clients send for a parameter that is missing in the damaged URL. */
const absent: readonly string[] = ['', 'null', 'undefined']

/** Parses a query's text; undefined if a parameter is repeated, because either value could be the right one. */
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
