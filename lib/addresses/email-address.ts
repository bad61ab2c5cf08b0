import { domainToASCII, domainToUnicode } from 'node:url'

/**
 * The policy for email addresses: how they are compared, and which of them may receive email.
 *
 * Only unambiguous addresses are valid: one `@`, a dot-atom before it, a host name after it. No quotes, comments, groups,
 * lists or address literals: parsers disagree about them, so a reset link could go to another mailbox (CVE-2025-13033,
 * CVE-2022-35924).
 */

/** The longest path that SMTP carries, without its angle brackets, in octets (RFC 5321 §4.5.3.1.3). */
const longestAddress = 254

/** The longest local part, in octets (RFC 5321 §4.5.3.1.1). */
const longestLocalPart = 64

/** Letters, marks and numbers of any script, the atext of RFC 5322 §3.2.3, and dots, which `isDotAtom` restricts. */
const atoms = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]+$/u

/** Labels of lower-case ASCII letters, digits and inner hyphens; the last one is not a number, which excludes IPv4 addresses. */
const hostName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Returns the form in which addresses are compared: ASCII letters in lower case, the domain in ASCII (A-labels), the rest as
 * typed. Nothing else is converted to ASCII, so no look-alike (ı, ſ, K, ﬁ, full-width or combining characters) equals an ASCII
 * address (CVE-2019-19844, CVE-2024-27295).
 *
 * @returns null if the text is not a valid address
 */
export function canonicalEmail(typed: string): string | null {
  const parts = split(typed)
  return parts && `${lowerAscii(parts.local)}@${parts.domain}`
}

/**
 * Returns the spellings to search in `lower(email COLLATE "C")`: one with the domain in ASCII and, if the domain has non-ASCII
 * letters, up to three more with these letters in different cases. The caller must compare the found addresses by
 * {@link canonicalEmail}. Returns an empty list if the text is not a valid address.
 */
export function lookupSpellings(typed: string): string[] {
  const parts = split(typed)
  if (parts === null) return []
  const unicode = domainToUnicode(parts.domain)
  // The database's lower() with COLLATE "C" leaves non-ASCII letters as stored. So they are searched in lower case, in upper case,
  // and with only the first letter of each label in upper case.
  const capitals = mapCharacters(unicode, upperLetter)
  const initials = unicode.replace(/(?<=^|\.)[^.]/gu, upperLetter)
  const domains = new Set([parts.domain, unicode, capitals, initials])
  // Drops invalid spellings: in a domain with Cherokee letters, `asciiDomain` accepts no other non-ASCII letter in upper case.
  const valid = [...domains].filter((domain) => asciiDomain(domain) === parts.domain)
  return valid.map((domain) => `${lowerAscii(parts.local)}@${domain}`)
}

/**
 * Returns the SMTP form of a stored address: its local part as stored, its domain in ASCII.
 *
 * @returns null if the address is not valid, or if a mail server could turn its local part into another one by normalising it
 */
export function smtpAddress(stored: string): string | null {
  const parts = split(stored)
  return parts !== null && isPlain(parts.local) ? `${parts.local}@${parts.domain}` : null
}

/** Whether a result of {@link smtpAddress} requires a mail server with SMTPUTF8 (RFC 6531). */
export function needsSmtpUtf8(address: string): boolean {
  return !isAscii(address)
}

export function mayBeMailed(stored: string): boolean {
  return smtpAddress(stored) !== null
}

/**
 * Parses an email address from the settings: `no-reply@example.com` or `Example <no-reply@example.com>`.
 *
 * @returns null if the text is neither, if its name has control characters or line separators, or if the local part is not ASCII,
 *   because every email from such a sender would require SMTPUTF8
 */
export function parseAddressWithOptionalName(text: string): { name: string; address: string } | null {
  const named = text.endsWith('>') ? text.lastIndexOf('<') : -1
  const name = named < 0 ? '' : text.slice(0, named)
  const address = smtpAddress(named < 0 ? text : text.slice(named + 1, -1))
  if (address === null || needsSmtpUtf8(address) || /[\p{Cc}\u2028\u2029]/u.test(name)) return null
  return { name: name.trim(), address }
}

/** Whether a text is a host name in lower-case ASCII. It needs no dot. An IPv4 address is no host name. */
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
  // A program that gets the address as an argument could take an address with a leading hyphen for an option (CVE-2020-7769).
  if (local.startsWith('-') || local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return false
  return atoms.test(local) && Buffer.byteLength(local) <= longestLocalPart
}

/**
 * Whether a local part stays the same if a mail server normalises it to NFC or NFKC or removes its invisible characters, and no atom
 * of it begins with a mark. RFC 8265 §3.3 has similar rules for user names.
 */
function isPlain(local: string): boolean {
  return local.normalize('NFKC') === local && !/\p{Default_Ignorable_Code_Point}|(?:^|\.)\p{M}/u.test(local)
}

/**
 * Returns a domain in ASCII; null if it is no host name or the conversion is not reversible: `domainToASCII` also folds full-width
 * letters, drops zero-width characters and decodes `%6D`. Except for the case of its letters, the typed domain must equal the ASCII
 * form, or this form converted back to Unicode (UTS #46 §4).
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

/**
 * Lowers a non-ASCII letter if that is reversible and NFKC does not change the letter. So `Ü` becomes `ü`, but a Kelvin sign,
 * `İ`, `ẞ` and full-width letters stay unchanged.
 */
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

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}
