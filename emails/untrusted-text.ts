// Untrusted text in emails. The service sends it in its own name, possibly to people who never entered it. So it must not become HTML,
// a link, or a message of its own.

/** The most characters of an untrusted text in an email. */
const maxLength = 64

/**
 * Reduces untrusted text to one line without hidden content: each run of white space and control characters becomes a space;
 * invisible, reordering and private-use characters (zero-width characters, tags, bidi controls) are removed, except for the
 * joiners that scripts need; each letter keeps at most four marks.
 */
export function sanitizeLine(untrusted: string): string {
  return untrusted
    .toWellFormed()
    .replace(/[\p{Cc}\p{Z}\s]+/gu, ' ')
    .replace(/(?![\u200c\u200d])[\p{Cf}\p{Co}\u034f\u115f\u1160\u3164\uffa0]/gu, '')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1')
    .trim()
}

/** Reduces untrusted text to one line as {@link sanitizeLine} does, of at most 64 characters; `…` replaces the rest. */
export function sanitizeShortLine(untrusted: string): string {
  const line = sanitizeLine(untrusted)
  const characters = [...line]
  return characters.length > maxLength
    ? `${characters
        .slice(0, maxLength - 1)
        .join('')
        .trimEnd()}…`
    : line
}

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

/**
 * Counts the words of a text, also if no spaces separate them: by the rules of Unicode (UAX #29), by ICU's dictionaries, for example
 * for Chinese, at punctuation and symbols, and at a capital after a small letter.
 */
export function countWords(text: string): number {
  const spaced = text.replace(/(?!['’])[\p{P}\p{S}]/gu, ' ').replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
  return [...segmenter.segment(spaced)].filter(({ isWordLike }) => isWordLike).length
}

/**
 * Whether all letters of a text are Latin, or none is. Between Latin letters, a letter of another script can resemble a dot or a
 * slash: the text would look like a URL. False also for some rare letters, such as most modifier letters (\p{Lm}).
 */
export function doesNotMixLatin(text: string): boolean {
  const letters = (text.match(/\p{L}/gu) ?? []).join('')
  return (
    /^(?:(?=\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lt}])*$/u.test(letters) ||
    /^(?:(?!\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lo}ー々])*$/u.test(letters)
  )
}

/** The most words of a name in the greeting: "Maria da Conceição". */
const maxNames = 3

/**
 * Returns an account's name for the greeting, or an empty text if it does not look like a name: an attacker could register with a
 * victim's address and a sentence as the name, and the victim would read that sentence in our email. (CVE-2022-31127 is a similar
 * attack, by the email address.)
 */
export function nameForGreeting(untrusted: string): string {
  const name = sanitizeShortLine(untrusted)
  const isName = /^(?=.{1,40}$)\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u.test(name)
  return isName && doesNotMixLatin(name) && countWords(name) <= maxNames ? name : ''
}

/**
 * Splits a text before and after each character by which mail programs detect a link: `evil.example`, `https://…`, `a@b`. Does not split
 * at such a character before white space or the end. Join the pieces with {@link wordJoiner}. A joiner on one side of a dot is too little:
 * some programs take the joiner for the last character of a name and make a link, and the browser removes the joiner from the host.
 */
export function splitAtLinkCharacters(text: string): string[] {
  return text.split(
    /(?<=\S)(?=[.:/@\u3002\uff0e\uff61\uff20\ufe6b]\S)|(?<=[.:/@\u3002\uff0e\uff61\uff20\ufe6b])(?=\S)/u,
  )
}

/** The character to put between the pieces of a split text. It is invisible, allows no line break, and is not valid in a link. */
export const wordJoiner = '\u2060'
