import { domainToASCII, domainToUnicode } from 'node:url'

/**
 * The one policy for addresses: how they are compared, and which of them a letter may go to.
 *
 * Only what nobody reads in two ways is an address here: one `@`, a dot-atom in front of it, a host name behind it. No
 * quotes, comments, groups, lists or address literals: those are what parsers disagree about, and a reset letter must
 * not follow the other reading (CVE-2025-13033, CVE-2022-35924).
 */

/** The longest path that SMTP carries, without its angle brackets, in octets (RFC 5321 §4.5.3.1.3). */
const longestAddress = 254

/** The longest local part, in octets (RFC 5321 §4.5.3.1.1). */
const longestLocalPart = 64

/** Letters, marks and digits of any script and what RFC 5322 §3.2.3 calls atext; dots are looked at apart. */
const atoms = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]+$/u

/** Labels of letters, digits and inner hyphens, the last one not a number, so that it is no IPv4 address. */
const hostName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The form in which addresses are compared: ASCII letters in lower case, the domain as an A-label, all else exactly as
 * typed. Nothing folds in Unicode, so no look-alike (ı, ſ, K, ﬁ, full-width or combining characters) ever equals an
 * ASCII address (CVE-2019-19844, CVE-2024-27295). Takes linear time.
 *
 * @returns null when the text is no address by this policy
 */
export function canonicalAddress(typed: string): string | null {
  const parts = split(typed)
  return parts && `${lowerAscii(parts.local)}@${parts.domain}`
}

/**
 * The spellings to look for among stored addresses, against `lower(email COLLATE "C")`: with the domain as an A-label,
 * and as a U-label where that differs. What is found must be compared by {@link canonicalAddress} once more.
 *
 * @returns nothing when the text is no address
 */
export function lookupForms(typed: string): string[] {
  const parts = split(typed)
  if (parts === null) return []
  const unicode = domainToUnicode(parts.domain)
  // The database's lower() leaves letters outside ASCII as they are stored: in lower case, all in capitals, or with a
  // capital in front.
  const capitals = mapCharacters(unicode, upperLetter)
  const initials = unicode.replace(/(?<=^|\.)[^.]/gu, upperLetter)
  const domains = new Set([parts.domain, unicode, capitals, initials])
  return [...domains].map((domain) => `${lowerAscii(parts.local)}@${domain}`)
}

/**
 * What goes on the wire for a stored address: its local part as stored, its domain as an A-label.
 *
 * @returns null for an address that no letter may go to. Stored addresses are not trusted to be addresses. A local part
 *   outside ASCII must be one that no mail server takes for another one by normalising it.
 */
export function wireAddress(stored: string): string | null {
  const parts = split(stored)
  return parts !== null && isPlain(parts.local) ? `${parts.local}@${parts.domain}` : null
}

/** Whether an address that {@link wireAddress} returned can go only to a mail server that offers SMTPUTF8 (RFC 6531). */
export function needsSmtpUtf8(address: string): boolean {
  return !isAscii(address)
}

/** Whether a letter may go to a stored address. */
export function mayBeMailed(stored: string): boolean {
  return wireAddress(stored) !== null
}

/**
 * Reads an address of the settings: `no-reply@example.com` or `Example <no-reply@example.com>`.
 *
 * @returns null when it is neither, when the address is not one that can stand in a mail header, or when its local part is
 *   not ASCII: as a sender it would need SMTPUTF8 for every email
 */
export function readMailbox(text: string): { name: string; address: string } | null {
  const named = text.endsWith('>') ? text.lastIndexOf('<') : -1
  const name = named < 0 ? '' : text.slice(0, named)
  const address = wireAddress(named < 0 ? text : text.slice(named + 1, -1))
  if (address === null || needsSmtpUtf8(address) || /[\p{Cc}\u2028\u2029]/u.test(name)) return null
  return { name: name.trim(), address }
}

/** Whether a text is a host name in lower-case ASCII, with or without a dot, and no IPv4 address. */
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
  // A hyphen in front would be an option to a program that is handed the address (CVE-2020-7769).
  if (local.startsWith('-') || local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return false
  return atoms.test(local) && Buffer.byteLength(local) <= longestLocalPart
}

/**
 * Whether normalising leaves a local part as it is: no compatibility forms, no decomposed letters, nothing invisible, no
 * mark without a letter in front. RFC 8265 §3.3 forbids the same in user names.
 */
function isPlain(local: string): boolean {
  return local.normalize('NFKC') === local && !/\p{Default_Ignorable_Code_Point}|(?:^|\.)\p{M}/u.test(local)
}

/**
 * The A-label of a domain, or null where that is a guess: `domainToASCII` also folds full-width letters, drops zero-width
 * characters and decodes `%6D`, so a domain counts only if the way back leads to what was typed, apart from the case of
 * its letters (UTS #46 §4).
 */
function asciiDomain(typed: string): string | null {
  const domain = lowerAscii(typed)
  const lower = mapCharacters(domain, lowerLetter)
  const ascii = domainToASCII(domain)
  if (!hostName.test(ascii)) return null
  const unicode = domainToUnicode(ascii) // leaves an A-label that stands for nothing as it is
  if (/(?:^|\.)xn--/.test(unicode)) return null
  return [ascii, unicode].includes(domain) || lower === unicode ? ascii : null
}

/**
 * The lower case of a letter outside ASCII where its upper case leads back; else the character itself. So `Ü` becomes
 * `ü`, and a Kelvin sign, `İ`, `ẞ` and full-width letters stay what they are.
 */
function lowerLetter(character: string): string {
  const lower = character.toLowerCase()
  return isOneLetter(character) && lower.toUpperCase() === character ? lower : character
}

function upperLetter(character: string): string {
  const upper = character.toUpperCase()
  return lowerLetter(upper) === character ? upper : character
}

/** One character outside ASCII that no normalisation turns into another one. */
function isOneLetter(text: string): boolean {
  return /^[^\x00-\x7f]$/u.test(text) && text.normalize('NFKC') === text
}

function mapCharacters(text: string, map: (character: string) => string): string {
  return text.replace(/[^\x00-\x7f]/gu, (character) => map(character))
}

/** Lower case for A to Z alone: `toLowerCase` would turn a Kelvin sign into a k. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}
