import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import graphs from '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs'
import words from '@zxcvbn-ts/language-common/dist/diceware.json.mjs'
import { isDerivative, nameForms } from '@/lib/passwords/derivatives'
import { isDigitOrSign, visibleCharacters, withoutDisguise } from '@/lib/passwords/visible-text'

// Loaded when a person begins to type, so that it does not delay the page. Contains only the library's small list: the
// endpoint, which has the large one, rejects common passwords.

/** How hard a password is to guess for an attacker who knows common patterns. */
export type Strength = 'easy' | 'fair' | 'hard'

/** Minimum guesses as powers of ten. The first one is the end of the library's scale ("very unguessable"). */
const enough = { fair: 10, hard: 15 }

/** The most characters to analyse: longer passwords are hard to guess or repetitive. */
const longest = 100

const estimator = new ZxcvbnFactory({ graphs, dictionary: { words }, maxLength: longest })

/** The common words as `isDerivative` compares them: with digits that stand for letters undone. */
const listed = new Set(words.map((word) => withoutDisguise(Array.from(word)).join('')))

/**
 * Estimates by patterns: words, repetitions, keyboard rows, sequences, dates. Only a hint; the policy decides. A password that the
 * policy rejects as derived is `easy` here, too, unless the policy needs its large list, a name that the page does not show, or
 * the normalised password.
 *
 * @param known names on the page, such as those of the account and the service
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

/** The most letters of a single word that counts as a common password, because the list is not loaded here. */
const longestCommon = 12

/** Whether a password is one run of Latin letters with only digits and signs around it. */
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
