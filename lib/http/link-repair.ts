import { linkSchema } from './request-schemas'
import type { Link, Links, Purpose } from '@/lib/password-reset/reset-link'

// What mail programs do to a link on its way, and how it is undone. Every place that reads a link uses this file.

const names = ['user_id', 'timestamp', 'signature'] as const

/** Which links are read: those of the reset page, or those of the page that cancels a reset. */
export type LinkKind = 'reset' | 'cancel'

const purposes: Record<LinkKind, readonly Purpose[]> = {
  reset: ['reset'],
  cancel: ['cancel', 'cancel-change'],
}

/**
 * Where the link was received. An address comes straight from a mail program, so white space in it is damage. Fields of a
 * request body come from a client, which must send one spelling (ASVS 11.2.4, 1.5.3), so white space alone is no damage.
 */
export type LinkSource = 'address' | 'fields'

/** What was received under each name: Next's query of a page, or the fields of a request body. */
type Received = Record<string, unknown>

/** Characters of a damaged link that are worth repairing. A link of ours has about 160. */
export const longestRepaired = 2000

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
 * breaks (lldap/lldap#370). A browser drops the line end of a pasted link, so a soft line break may be a bare `=`.
 */
const decodeQuotedPrintable: Rule = (text) =>
  text
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/(?<!user_id|tamp|signature)=(?!3D)(?=[\w-])/gi, '')
    .replace(/={1,2}3D/gi, '=')

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
 * Line breaks and spaces in a long link (mozilla/fxa-auth-server#722, pwm-project/pwm#697), invisible characters that mark
 * where a line may break, and the `>` at the start of a quoted line (RFC 3676 §4.5).
 */
const joinLines: Rule = (text, source) =>
  text.replace(/[\s>\u00ad\u200b-\u200d\u2060]+/gu, (run) =>
    source === 'address' || run.includes('>') ? '' : run,
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

/** What all rules in turn make of a query's text, in linear time. */
export const repairText: Rule = (text, source) => rules.reduce((mended, rule) => rule(mended, source), text)

/** At most this many spellings of one link are tried: as received, by each rule alone, by all rules in turn. */
export const maxSpellings = 2 + rules.length

const schema = linkSchema()

/**
 * Finds the link that was sent in what was received. The first spelling whose outer signature holds is the link, so a
 * repair never makes a link that was not signed. Neither the account nor the database decides how many spellings are tried.
 *
 * @param links only the outer part of a signature is verified, which reads no database
 * @param received an address's parameters or a body's fields, with whatever else was sent
 * @returns the link in its one spelling, or undefined where no spelling holds
 */
export function findLink(
  links: Pick<Links, 'verifyAuthenticity'>,
  kind: LinkKind,
  received: Received,
  source: LinkSource,
): Link | undefined {
  const tried = new Set<string>()
  for (const link of spellingsOf(received, source)) {
    if (link === undefined) continue
    const spelling = JSON.stringify([link.user_id, link.timestamp, link.signature])
    if (tried.has(spelling)) continue
    tried.add(spelling)
    if (purposes[kind].some((purpose) => links.verifyAuthenticity(purpose, link) !== null)) return link
  }
  return undefined
}

/**
 * A body's fields, with a damaged link replaced by the repaired one. Fields are returned as they are where their link holds
 * or cannot be repaired, so that they are refused for what is wrong with them.
 */
export function repairFields(
  links: Pick<Links, 'verifyAuthenticity'>,
  kind: LinkKind,
  fields: Record<string, unknown>,
): Record<string, unknown> {
  const link = findLink(links, kind, fields, 'fields')
  return link === undefined ? fields : { ...fields, ...link, timestamp: String(link.timestamp) }
}

/** Every spelling worth trying, as received first. A spelling without the three fields in their form is undefined. */
function* spellingsOf(received: Received, source: LinkSource): Generator<Link | undefined> {
  yield schema.safeParse(received).data
  const text = joinParameters(received, source)
  if (text === undefined || text.length > longestRepaired) return
  for (const rule of rules) yield readText(rule(text, source))
  yield readText(repairText(text, source))
}

/** Fields that may belong to a damaged link: `amp;timestamp` does, a password never. */
const fieldOfLink = /(?:user_id|tamp|signature)$/

/** The query that the parameters stood in, decoded once; undefined where a field is no text. */
function joinParameters(received: Received, source: LinkSource): string | undefined {
  const pieces: string[] = []
  for (const [name, value] of Object.entries(received)) {
    if (source === 'fields' && !fieldOfLink.test(name)) continue
    // Of a repeated parameter, Next makes a list.
    const values = source === 'address' && Array.isArray(value) ? (value as unknown[]) : [value]
    for (const one of values) {
      if (one === undefined || one === null) continue
      if (typeof one !== 'string' && typeof one !== 'bigint') return undefined
      // A link whose separators are encoded arrives as one name without a value.
      pieces.push(one === '' ? name : `${name}=${one}`)
    }
  }
  return pieces.join('&')
}

/** What clients write for a parameter that the damaged address no longer has. */
const absent: readonly string[] = ['', 'null', 'undefined']

/** Reads a query's text. A repeated parameter would have to be chosen from, so there is no link then. */
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
