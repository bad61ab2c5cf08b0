import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import graphs from '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs'
import words from '@zxcvbn-ts/language-common/dist/diceware.json.mjs'
import { isDerivative, nameForms } from '@/lib/passwords/derivatives'
import { isDigitOrSign, visibleCharacters, withoutDisguise } from '@/lib/passwords/visible-text'

// The browser loads this file when a person begins to type, so that the file does not delay the page. To stay small, it contains only
// a short list of words; the endpoint has the long list of common passwords.

/** How hard a password is to guess for an attacker who tries common patterns first. */
export type Strength = 'easy' | 'fair' | 'hard'

/** The fewest guesses for `fair` and `hard`, as decimal logarithms. The library's own scale ends at 10 ("very unguessable"). */
const enough = { fair: 10, hard: 15 }

/** The most characters that the library analyses, to limit its time. The first hundred suffice for a hint. */
const longest = 100

const estimator = new ZxcvbnFactory({ graphs, dictionary: { words }, maxLength: longest })

/** The words of the short list as `isDerivative` looks them up: without disguise (`withoutDisguise`). */
const listed = new Set(words.map((word) => withoutDisguise(Array.from(word)).join('')))

/**
 * Estimates how hard a password is to guess, by patterns: words, repetitions, keyboard rows, sequences, dates. Only a hint; the
 * policy of the endpoint decides. A password that the policy rejects as derived is `easy` here, too, unless the reason is the long list
 * of the endpoint, a name that the page does not know, or the normalised form of the password.
 *
 * @param known names that the page knows, such as those of the account and the service
 */
export function strengthOf(password: string, known: string[], minLength: number): Strength {
  const isCommon = (plain: string) => listed.has(plain)
  if (isDerivative(password, { minLength, names: nameForms(known), isCommon })) return 'easy'
  if (isOneWord(password)) return 'easy'
  // The library detects a repeated word only without spaces in between.
  const guessesLog10 = Math.min(
    ...[password, password.replace(/\s/g, '')].map((text) => estimator.check(text, known).guessesLog10),
  )
  if (guessesLog10 < enough.fair) return 'easy'
  return guessesLog10 < enough.hard ? 'fair' : 'hard'
}

/** A single word of at most this many letters is `easy`: it may be in the endpoint's long list. */
const longestCommon = 12

/** Whether a password is one run of at most twelve Latin letters, with nothing but digits and signs around it. */
function isOneWord(password: string): boolean {
  const characters = visibleCharacters(password)
  const word = characters.filter((character) => !isDigitOrSign(character))
  return (
    word.length > 0 &&
    word.length <= longestCommon &&
    word.every((character) => /^\p{Script=Latin}/u.test(character)) &&
    characters.join('').includes(word.join(''))
  )
}
