import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import graphs from '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs'
import words from '@zxcvbn-ts/language-common/dist/diceware.json.mjs'
import { isDerivative, nameForms } from '@/lib/passwords/derivatives'
import { isDigitOrSign, visibleCharacters, withoutDisguise } from '@/lib/passwords/visible-text'

// Browsers load this file, so it contains only a short list of words; the endpoint has the long list of common passwords.

export type Strength = 'easy' | 'fair' | 'hard'

/** The fewest guesses for `fair` and `hard`, as decimal logarithms. */
const enough = { fair: 10, hard: 15 }

/** The most characters that the library analyses, to limit its time. */
const longest = 100

const estimator = new ZxcvbnFactory({ graphs, dictionary: { words }, maxLength: longest })

/** Without disguise, as `isDerivative` looks words up. */
const listed = new Set(words.map((word) => withoutDisguise(Array.from(word)).join('')))

/** Estimates how hard a password is to guess. Only a hint: the endpoint's policy decides. @param known names that a guesser tries first */
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

/** Whether the visible characters are one short run of Latin letters, with at most digits and signs around it. */
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
