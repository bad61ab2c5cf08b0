import { canonicalEmail } from '@/lib/addresses/email-address'
import { countWords, doesNotMixLatin, sanitizeLine } from './untrusted-text'

/** The most characters of a text that is shown in full: of a username, and of the recipient's own address. */
const maxLength = { username: 24, address: 64 }

/** Three words can be a name; four can be a sentence. */
const maxWords = 3

/** Four digits are enough for a year, and too few for almost all telephone numbers. */
const maxDigits = 4

const plainUsername = /^[\p{L}\p{Mn}\p{Mc}\u200c\u200d0-9_-]+$/u

/**
 * Returns what an email shows of a username, or of another text that tells accounts apart. An attacker can register with a victim's
 * address and choose a username such as "Your account is locked! Call 0900 123456". So only the ends of such a text are shown.
 */
export function shownUsername(username: string, email: string): string {
  const text = sanitizeLine(username)
  return looksLikeUsername(text) || isOwnAddress(text, email) ? text : bothEnds(text)
}

function looksLikeUsername(text: string): boolean {
  return (
    [...text].length <= maxLength.username &&
    plainUsername.test(text) &&
    doesNotMixLatin(text) &&
    isTooShortForMessage(text)
  )
}

/** Whether a text is the recipient's own address, or the part before its `@`, and too short for a message. */
function isOwnAddress(text: string, email: string): boolean {
  const address = canonicalEmail(text)
  const isOwn = address === null ? text === localPartOf(email) : address === canonicalEmail(email)
  const local = localPartOf(text)
  return isOwn && text.length <= maxLength.address && /^[\w.+-]+$/.test(local) && isTooShortForMessage(local)
}

function localPartOf(text: string): string {
  return text.replace(/@[^@]*$/, '')
}

function isTooShortForMessage(text: string): boolean {
  return countWords(text) <= maxWords && (text.match(/\p{N}/gu)?.length ?? 0) <= maxDigits
}

/** Returns about a quarter of the letters and digits at each end, at most three; an empty text if there are fewer than three in all. */
function bothEnds(text: string): string {
  const characters = text.match(/[\p{L}\p{Nd}]\p{M}*/gu) ?? []
  const shown = Math.min(3, Math.floor((characters.length + 1) / 4))
  if (shown === 0) return ''
  return `${characters.slice(0, shown).join('')}…${characters.slice(-shown).join('')}`
}
