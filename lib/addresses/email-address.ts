import { domainToASCII, domainToUnicode } from 'node:url'

// Only unambiguous addresses are valid: one `@`, a dot-atom before it, a host name after it. Parsers disagree about quotes, comments, lists
// and address literals, so a reset link could go to another mailbox (CVE-2025-13033, CVE-2022-35924).

/** In octets: the longest path of SMTP without its angle brackets (RFC 5321 §4.5.3.1.3). */
const longestAddress = 254

/** In octets (RFC 5321 §4.5.3.1.1). */
const longestLocalPart = 64

/** Matches atext (RFC 5322 §3.2.3), letters, marks and numbers of any script, and dots, which `isDotAtom` restricts. */
const atoms = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]+$/u

/** Matches a host name in lower-case ASCII. Its last label is not a number, which excludes IPv4 addresses. */
const hostName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Returns the form in which addresses are compared: ASCII letters in lower case, the domain in ASCII. Null if the text is no valid address.
 * Other characters of the local part stay as typed: a look-alike such as ı must not equal an ASCII letter (CVE-2019-19844, CVE-2024-27295).
 */
export function canonicalEmail(typed: string): string | null {
  const parts = split(typed)
  return parts && `${lowerAscii(parts.local)}@${parts.domain}`
}

/**
 * Returns the spellings of an address to search in `lower(email COLLATE "C")`; none for an invalid address. The caller must compare the
 * found addresses by {@link canonicalEmail}.
 */
export function lookupSpellings(typed: string): string[] {
  const parts = split(typed)
  if (parts === null) return []
  const unicode = domainToUnicode(parts.domain)
  // PostgreSQL's lower() with COLLATE "C" changes only ASCII letters, so the other letters are searched in three cases.
  const capitals = mapCharacters(unicode, upperLetter)
  const initials = unicode.replace(/(?<=^|\.)[^.]/gu, upperLetter)
  const domains = new Set([parts.domain, unicode, capitals, initials])
  // With Cherokee letters, for example, a spelling in upper case may be invalid.
  const valid = [...domains].filter((domain) => asciiDomain(domain) === parts.domain)
  return valid.map((domain) => `${lowerAscii(parts.local)}@${domain}`)
}

/** Returns an address with its domain in ASCII; null if it is invalid, or normalising could turn its local part into another one. */
export function smtpAddress(stored: string): string | null {
  const parts = split(stored)
  return parts !== null && isPlain(parts.local) ? `${parts.local}@${parts.domain}` : null
}

/** Whether a result of {@link smtpAddress} requires SMTPUTF8 (RFC 6531). */
export function needsSmtpUtf8(address: string): boolean {
  return !/^[\x20-\x7e]*$/.test(address)
}

export function mayBeMailed(stored: string): boolean {
  return smtpAddress(stored) !== null
}

/**
 * Parses `no-reply@example.com` or `Example <no-reply@example.com>`; null for other text, for control characters or line separators in the
 * name, and for a local part that is not ASCII, because every email from such a sender would require SMTPUTF8.
 */
export function parseAddressWithOptionalName(text: string): { name: string; address: string } | null {
  const named = text.endsWith('>') ? text.lastIndexOf('<') : -1
  const name = named < 0 ? '' : text.slice(0, named)
  const address = smtpAddress(named < 0 ? text : text.slice(named + 1, -1))
  if (address === null || needsSmtpUtf8(address) || /[\p{Cc}\u2028\u2029]/u.test(name)) return null
  return { name: name.trim(), address }
}

/** Returns the `mailto:` URI of an address (RFC 6068 §2): characters such as `?` and `&` would begin a header field. */
export function mailtoUri(address: string): string {
  return `mailto:${encodeURIComponent(address).replace('%40', '@')}`
}

/** Whether a text is a host name in lower-case ASCII, with or without a dot; false for an IPv4 address. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && hostName.test(text)
}

function split(text: string): { local: string; domain: string } | null {
  if (text.length > longestAddress) return null
  const at = text.indexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  const domain = asciiDomain(text.slice(at + 1))
  if (domain === null || !isDotAtom(local)) return null
  return Buffer.byteLength(local) + 1 + domain.length <= longestAddress ? { local, domain } : null
}

function isDotAtom(local: string): boolean {
  // A program could take an address with a leading hyphen among its arguments for an option (CVE-2020-7769).
  if (local.startsWith('-') || local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return false
  return atoms.test(local) && Buffer.byteLength(local) <= longestLocalPart
}

/** Whether NFKC and removing invisible characters keep a local part as it is, and no atom begins with a mark (compare RFC 8265 §3.3). */
function isPlain(local: string): boolean {
  return local.normalize('NFKC') === local && !/\p{Default_Ignorable_Code_Point}|(?:^|\.)\p{M}/u.test(local)
}

/**
 * Returns a domain in ASCII; null if it is no host name, or if the ASCII form does not stand for the typed domain (UTS #46 §4):
 * `domainToASCII` also folds full-width letters, drops zero-width characters and decodes `%6D`.
 */
function asciiDomain(typed: string): string | null {
  const domain = lowerAscii(typed)
  const lower = mapCharacters(domain, lowerLetter)
  const ascii = domainToASCII(domain)
  if (!hostName.test(ascii) || domainToASCII(ascii) !== ascii) return null
  const unicode = domainToUnicode(ascii) // leaves an invalid A-label unchanged
  if (/(?:^|\.)xn--/.test(unicode)) return null
  return [ascii, unicode].includes(domain) || lower === unicode ? ascii : null
}

/** Lowers a non-ASCII letter if that is reversible and NFKC keeps the letter: `Ü`, not the Kelvin sign, `İ`, `ẞ` or full-width letters. */
function lowerLetter(character: string): string {
  const lower = character.toLowerCase()
  return isOneLetter(character) && lower.toUpperCase() === character ? lower : character
}

function upperLetter(character: string): string {
  const upper = character.toUpperCase()
  return lowerLetter(upper) === character ? upper : character
}

/** Whether a text is one non-ASCII character that NFKC does not change. */
function isOneLetter(text: string): boolean {
  return /^[^\x00-\x7f]$/u.test(text) && text.normalize('NFKC') === text
}

function mapCharacters(text: string, map: (character: string) => string): string {
  return text.replace(/[^\x00-\x7f]/gu, (character) => map(character))
}

/** Lowers A to Z only: `toLowerCase` would turn a Kelvin sign into a k. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
}
