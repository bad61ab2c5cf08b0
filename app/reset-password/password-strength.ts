import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import graphs from '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs'
import words from '@zxcvbn-ts/language-common/dist/diceware.json.mjs'

// Loaded when somebody begins to type, so that it weighs on nobody's first sight of the page. Of the library's lists only
// the small one comes along: what many people use is refused by the endpoint, which has the large one.

/** How hard a password would be to guess for somebody who knows how people make them up. */
export type Strength = 'easy' | 'fair' | 'hard'

/** Powers of ten of guesses. The first is where the library's scale ends ("very unguessable"). */
const enough = { fair: 10, hard: 15 }

/** Characters beyond which nothing is judged: by then it is hard to guess, or one thing over and over. */
const longest = 100

const estimator = new ZxcvbnFactory({ graphs, dictionary: { words }, maxLength: longest })

/**
 * Estimates by patterns: words, repetitions, rows of keys, sequences, dates. A hint and no more; the policy decides.
 *
 * @param known what stands on the page for all to see, such as the account's name
 */
export function strengthOf(password: string, known: string[]): Strength {
  // The library sees a word that is repeated only where nothing stands between.
  const guessesLog10 = Math.min(
    ...[password, password.replace(/\s/g, '')].map((text) => estimator.check(text, known).guessesLog10),
  )
  if (guessesLog10 < enough.fair) return 'easy'
  return guessesLog10 < enough.hard ? 'fair' : 'hard'
}
