import {
  costOfUncovered,
  findPieces,
  repeatedPartLength,
  type UncoveredCosts,
  type LookUpWord,
} from './pieces'
import {
  countVisible,
  isLetter,
  isDigitOrSign,
  isSign,
  visibleCharacters,
  withoutDisguise,
} from './visible-text'

/** The fewest letters of a part whose repetitions count even with digits and signs between them: shorter parts also repeat by chance. */
const tellingPart = 5

/** What `isDerivative` compares a password with. */
export type DerivativeContext = {
  /** PASSWORD_MIN_LENGTH. A password may repeat a part of at least this length once, because the part alone is long enough. */
  minLength: number
  /** Names of the account and the service, as `nameForms` returns them. */
  names: ReadonlySet<string>
  /** Whether many people use a word as a password. Receives the word without its disguise (`withoutDisguise`). */
  isCommon: (plain: string) => boolean
}

/**
 * Whether a password is derived from what a guesser tries first (NIST SP 800-63B-4 §3.1.1.2): all but a few of its characters belong to
 * repetitions, to sequences of letters, digits or keys, to names of account and service, or to one common password. Digits and signs do
 * not count if the password contains a name, or a common password of at least five letters, or if its letters repeat a part of at least
 * five letters. The letters, and the digits and signs between them, may also be derived separately: `a1b2c3d4` interleaves two sequences.
 * A password with fewer visible characters than half of `minLength` counts as derived, too.
 *
 * A second, different common password is not covered: two words make a phrase. Searches only the first 256 visible characters, to
 * limit the time.
 */
export function isDerivative(password: string, { minLength, names, isCommon }: DerivativeContext): boolean {
  if (countVisible(password) * 2 < minLength) return true
  const lookUp: LookUpWord = (plain) => {
    if (names.has(plain)) return { word: plain, isName: true }
    return isCommon(plain) ? { word: plain, isName: false } : undefined
  }
  const all = visibleCharacters(password)
  if (isRepeated(all)) return true

  // "aaaaaaaaaaaaaab" is hardly better than its beginning. So a few characters may stay uncovered: a digit or sign costs 1, a letter 2,
  // and the sum may be a fifth of the number of characters, but at most 4.
  const most = Math.min(4, Math.floor(all.length / 5))
  const few = { padding: 1, letter: 2, most, needsWord: false }
  const padded = { padding: 0, letter: Infinity, most: 0, needsWord: true }
  const cut = findPieces(all, lookUp)
  if (costOfUncovered(cut, few) <= most || costOfUncovered(cut, padded) === 0) return true

  const unsigned = all.filter((character) => !isSign(character))
  if (unsigned.length < all.length && rest(unsigned, padded) === 0) return true

  const letters = all.filter((character) => !isDigitOrSign(character))
  if (letters.length === all.length || letters.length < 3) return false
  // Matches "sunflower1sunflower2". The letters may have at most one run more than repetitions: otherwise a random hexadecimal text,
  // which has many short runs, could match by chance.
  const runs = all.filter(
    (character, at) => !isDigitOrSign(character) && isDigitOrSign(all[at - 1] ?? '0'),
  ).length
  const part = repeatedPartLength(letters)
  if (isRepeated(letters) && part >= tellingPart && runs * part <= letters.length + part) return true
  const around = rest(all.filter(isDigitOrSign), few)
  if (around > most) return false
  return isRepeated(letters) || rest(letters, few) + around <= most

  function rest(characters: readonly string[], costs: UncoveredCosts): number {
    return costOfUncovered(findPieces(characters, lookUp), costs)
  }

  function isRepeated(characters: readonly string[]): boolean {
    const part = repeatedPartLength(characters)
    return part < minLength && part * 2 <= characters.length
  }
}

/**
 * Returns the forms of names to search for in a password, without disguise: each name as it is, each name without separators, and each
 * word of a name; each form also without accents. Omits forms without a letter, and short forms, which many passwords contain by chance:
 * forms of one character, and forms of two unless both are non-ASCII.
 */
export function nameForms(names: readonly string[]): Set<string> {
  const forms = names.flatMap((name) => {
    const words = name.split(/[^\p{L}\p{M}\p{N}]+/u)
    return [name, words.join(''), ...words].flatMap((form) => [form, withoutAccents(form)])
  })
  const telling = forms.map(visibleCharacters).filter((characters) => {
    const isTwoOfMany = characters.length === 2 && characters.every((character) => character > '~')
    return characters.some(isLetter) && (characters.length >= 3 || isTwoOfMany)
  })
  return new Set(telling.map((characters) => withoutDisguise(characters).join('')))
}

function withoutAccents(text: string): string {
  return text.normalize('NFD').replace(/[\u0300-\u036f]/g, '')
}
