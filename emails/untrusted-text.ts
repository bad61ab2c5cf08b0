/**
 * Text that people chose for themselves and a letter repeats. It goes to mailboxes whose owners may never have seen it,
 * under the service's name, so it must neither break out of its place nor become a message or a link of its own.
 */

/** The most characters of a held text that a letter shows. */
const longest = 64

/**
 * One line that reads as it is written: white space and control characters become single spaces; what is invisible or
 * reorders text (bidi controls, zero-width characters, tags) is dropped, but for the joiners that scripts need; marks
 * piled on one letter are cut.
 */
export function tameLine(untrusted: string): string {
  return untrusted
    .toWellFormed()
    .replace(/[\p{Cc}\p{Z}\s]+/gu, ' ')
    .replace(/(?![\u200c\u200d])[\p{Cf}\p{Co}\u034f\u115f\u1160\u3164\uffa0]/gu, '')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1')
    .trim()
}

/** A line that is short, too: what a letter shows of a held text. */
export function tameText(untrusted: string): string {
  const line = tameLine(untrusted)
  const characters = [...line]
  return characters.length > longest
    ? `${characters
        .slice(0, longest - 1)
        .join('')
        .trimEnd()}…`
    : line
}

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

/**
 * How many words a text has, also where they are written without spaces: by the rules of Unicode (UAX #29) and of ICU for
 * Chinese, Japanese and Thai, at punctuation, and where a capital follows a small letter.
 */
export function countWords(text: string): number {
  const spaced = text.replace(/(?!['’])[\p{P}\p{S}]/gu, ' ').replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
  return [...segmenter.segment(spaced)].filter(({ isWordLike }) => isWordLike).length
}

/**
 * Whether all letters are Latin, or none. In between Latin letters, some of other scripts look like a dot or a slash, so
 * that the text reads as an address; so do most letters that only modify others (\p{Lm}).
 */
export function isOfOneScript(text: string): boolean {
  const letters = (text.match(/\p{L}/gu) ?? []).join('')
  return (
    /^(?:(?=\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lt}])*$/u.test(letters) ||
    /^(?:(?!\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lo}ー々])*$/u.test(letters)
  )
}

/** The most words of a name to greet with: "Maria da Conceição". */
const mostNames = 3

/**
 * The name to greet with: a first name that looks like one. Whoever fills in a form for somebody else's address gets no
 * sentence of theirs into the greeting (CVE-2022-31127).
 *
 * @returns an empty text where a greeting without a name is better
 */
export function nameForGreeting(firstName: string): string {
  const name = tameText(firstName)
  const isName = /^(?=.{1,40}$)\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u.test(name)
  return isName && isOfOneScript(name) && countWords(name) <= mostNames ? name : ''
}

/**
 * Cuts a text around each character that makes mail programs see an address: `evil.example`, `https://…`, `a@b`. With
 * something between the pieces they see none. One side alone will not do: some programs take what is invisible for a part
 * of the name in front of a dot, and browsers then drop it.
 */
export function cutAtLinkSigns(text: string): string[] {
  return text.split(
    /(?<=\S)(?=[.:/@\u3002\uff0e\uff61\uff20\ufe6b]\S)|(?<=[.:/@\u3002\uff0e\uff61\uff20\ufe6b])(?=\S)/u,
  )
}

/** What stands between the pieces: takes no room, breaks no line, and is part of no address. */
export const wordJoiner = '\u2060'
