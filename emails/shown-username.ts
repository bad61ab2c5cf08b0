import { canonicalAddress } from '@/lib/addresses/email-address'
import { countWords, isOfOneScript, tameLine } from './untrusted-text'

/** The most characters of a username that an email shows, and of its own address as a username. */
const longest = { username: 24, address: 64 }

/** The most words: three are a name, four begin to be a sentence. */
const mostWords = 3

/** The most digits: a year. The shortest numbers that cost something to call or to write to have five. */
const mostDigits = 4

/** Letters with their marks and joiners, ASCII digits, `_` and `-`. */
const plain = /^[\p{L}\p{Mn}\p{Mc}\u200c\u200d0-9_-]+$/u

/**
 * A username as an email shows it. Whoever registers with somebody else's address chooses a text that this mailbox then
 * receives under the service's name, such as "Your account is locked! Call 0900 123456". A text that looks like a username
 * is shown whole. Of any other only its edges are: enough for its owner to recognise it, too little to be a message, a
 * number to call or an address.
 *
 * @param email the address that the email goes to: its owner recognises it, or what stands before its `@`
 * @returns an empty text where nothing is left to show
 */
export function shownUsername(username: string, email: string): string {
  const text = tameLine(username)
  return looksLikeUsername(text) || isOfAddress(text, email) ? text : edgesOf(text)
}

function looksLikeUsername(text: string): boolean {
  return [...text].length <= longest.username && plain.test(text) && isOfOneScript(text) && isCalm(text)
}

/** Dots and `@` are plain where the mailbox's own address has them. */
function isOfAddress(text: string, email: string): boolean {
  const address = canonicalAddress(text)
  const isOwn = address === null ? text === localPartOf(email) : address === canonicalAddress(email)
  const local = localPartOf(text)
  return isOwn && text.length <= longest.address && /^[\w.+-]+$/.test(local) && isCalm(local)
}

function localPartOf(text: string): string {
  return text.replace(/@[^@]*$/, '')
}

/** Too short for a sentence, and without a telephone number. */
function isCalm(text: string): boolean {
  return countWords(text) <= mostWords && (text.match(/\p{N}/gu)?.length ?? 0) <= mostDigits
}

/** A quarter at each end, three characters at most, of the letters and digits alone. */
function edgesOf(text: string): string {
  const characters = text.match(/[\p{L}\p{Nd}]\p{M}*/gu) ?? []
  const shown = Math.min(3, Math.floor((characters.length + 1) / 4))
  if (shown === 0) return ''
  return `${characters.slice(0, shown).join('')}…${characters.slice(-shown).join('')}`
}
