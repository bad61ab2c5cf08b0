// The service sends untrusted text in its own name, so the text must not become a link or a message of its own. Callers escape HTML.

const maxLength = 64

/** Reduces a text to one line. Removes format characters, such as bidi controls and tags, except for the joiners that scripts need. */
export function sanitizeLine(untrusted: string): string {
  return untrusted
    .toWellFormed()
    .replace(/[\p{Cc}\p{Z}\s]+/gu, ' ')
    .replace(/(?![\u200c\u200d])[\p{Cf}\p{Co}\u034f\u115f\u1160\u3164\uffa0]/gu, '')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1')
    .trim()
}

/** Like {@link sanitizeLine}, but of at most 64 characters: `…` replaces the rest. */
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

/** Counts words by UAX #29, after splitting at punctuation, at symbols, and at a capital after a small letter. */
export function countWords(text: string): number {
  const spaced = text.replace(/(?!['’])[\p{P}\p{S}]/gu, ' ').replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
  return [...segmenter.segment(spaced)].filter(({ isWordLike }) => isWordLike).length
}

/** Whether all letters are Latin, or none is: other letters can look like a dot or slash of a URL. False also for some rare letters. */
export function doesNotMixLatin(text: string): boolean {
  const letters = (text.match(/\p{L}/gu) ?? []).join('')
  return (
    /^(?:(?=\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lt}])*$/u.test(letters) ||
    /^(?:(?!\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lo}ー々])*$/u.test(letters)
  )
}

/** "Maria da Conceição" has three words. */
const maxNames = 3

/**
 * Returns a name for the greeting; empty if it does not look like a name. An attacker could register with a victim's address and a
 * sentence as the name, and the victim would read that sentence in our email (CVE-2022-31127 is similar).
 */
export function nameForGreeting(untrusted: string): string {
  const name = sanitizeShortLine(untrusted)
  const isName = /^(?=.{1,40}$)\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u.test(name)
  return isName && doesNotMixLatin(name) && countWords(name) <= maxNames ? name : ''
}

/**
 * Splits a text around characters by which mail programs detect a link, such as `.` and `@`. Join the pieces with {@link wordJoiner}: a
 * joiner on one side of a dot is too little, because some programs still make a link, and browsers remove the joiner from the host.
 */
export function splitAtLinkCharacters(text: string): string[] {
  return text.split(
    /(?<=\S)(?=[.:/@\u3002\uff0e\uff61\uff20\ufe6b]\S)|(?<=[.:/@\u3002\uff0e\uff61\uff20\ufe6b])(?=\S)/u,
  )
}

/** Invisible; allows no line break. */
export const wordJoiner = '\u2060'
