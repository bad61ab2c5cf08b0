import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import graphs from '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs'
import words from '@zxcvbn-ts/language-common/dist/diceware.json.mjs'
import { isDerivative, nameForms } from '@/lib/passwords/derivatives'
import { isPadding, visibleCharacters, withoutDisguise } from '@/lib/passwords/visible-text'

// Loaded when a person begins to type, so that it does not delay the page. Of the library's lists only
// the small one comes along: what many people use is refused by the endpoint, which has the large one.

/** How hard a password would be to guess for somebody who knows how people make them up. */
export type Strength = 'easy' | 'fair' | 'hard'

/** Powers of ten of guesses. The first is where the library's scale ends ("very unguessable"). */
const enough = { fair: 10, hard: 15 }

/** Characters beyond which nothing is judged: by then it is hard to guess, or one thing over and over. */
const longest = 100

const estimator = new ZxcvbnFactory({ graphs, dictionary: { words }, maxLength: longest })

const listed = new Set(words.map((word) => withoutDisguise(Array.from(word)).join('')))

/**
 * Estimates by patterns: words, repetitions, rows of keys, sequences, dates. A hint and no more; the policy decides. What
 * the policy refuses as derived is easy here by the same function, as far as that needs no large list.
 *
 * @param known what stands on the page for all to see, such as the account's and the service's names
 */
export function strengthOf(password: string, known: string[], minLength: number): Strength {
  const isCommon = (plain: string) => listed.has(plain)
  if (isDerivative(password, { minLength, names: nameForms(known), isCommon })) return 'easy'
  if (isOneWord(password)) return 'easy'
  // The library sees a word that is repeated only where nothing stands between.
  const guessesLog10 = Math.min(
    ...[password, password.replace(/\s/g, '')].map((text) => estimator.check(text, known).guessesLog10),
  )
  if (guessesLog10 < enough.fair) return 'easy'
  return guessesLog10 < enough.hard ? 'fair' : 'hard'
}

/** Letters up to which one word is taken for a common password, since the list of them is not here. */
const longestCommon = 12

/** Whether there is one run of Latin letters, with nothing but digits and signs around it. */
function isOneWord(password: string): boolean {
  const characters = visibleCharacters(password)
  const word = characters.filter((character) => !isPadding(character))
  return (
    word.length > 0 &&
    word.length <= longestCommon &&
    word.every((character) => /^\p{Script=Latin}/u.test(character)) &&
    characters.join('').includes(word.join(''))
  )
}
