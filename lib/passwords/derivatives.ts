import { costOfUncovered, findPieces, repeatedPartLength, type UncoveredCosts, type FindWord } from './pieces'
import { countVisible, isLetter, isPadding, isSign, visibleCharacters, withoutDisguise } from './visible-text'

/** Letters from which on a repetition stands out from chance, where digits and signs stand between. */
const tellingPart = 5

export type DerivativeContext = {
  /** The least length of a password: a part that is as long by itself may be repeated. */
  minLength: number
  /** Names of the account and the service, as `nameForms` returns them. */
  names: ReadonlySet<string>
  /** Whether many people use a word as a password; the word is without its disguise (`withoutDisguise`). */
  isCommon: (plain: string) => boolean
}

/**
 * Whether a password is derived from what a guesser tries first (NIST SP 800-63B-4 §3.1.1.2): nothing is left of it
 * without repetitions, sequences of letters, digits or keys, names of account and service, one common password, and the
 * digits and signs around them; or less than half of the least length can be seen.
 *
 * Two different common words count as a phrase. The time is bounded, since no more than 256 visible characters are
 * looked at.
 */
export function isDerivative(password: string, { minLength, names, isCommon }: DerivativeContext): boolean {
  if (countVisible(password) * 2 < minLength) return true
  const find: FindWord = (plain) => {
    if (names.has(plain)) return { word: plain, isName: true }
    return isCommon(plain) ? { word: plain, isName: false } : undefined
  }
  const all = visibleCharacters(password)
  if (isRepeated(all)) return true

  // Up to a fifth may be anything, four at most: "aaaaaaaaaaaaaab" is no better than its beginning.
  const most = Math.min(4, Math.floor(all.length / 5))
  const few = { padding: 1, letter: 2, most, needsWord: false }
  const padded = { padding: 0, letter: Infinity, most: 0, needsWord: true }
  const cut = findPieces(all, find)
  if (costOfUncovered(cut, few) <= most || costOfUncovered(cut, padded) === 0) return true

  const unsigned = all.filter((character) => !isSign(character))
  if (unsigned.length < all.length && rest(unsigned, padded) === 0) return true

  const letters = all.filter((character) => !isPadding(character))
  if (letters.length === all.length || letters.length < 3) return false
  // "sunflower1sunflower2"; hexadecimal digits have such letters by chance, but not each part in one go.
  const runs = all.filter((character, at) => !isPadding(character) && isPadding(all[at - 1] ?? '0')).length
  const part = repeatedPartLength(letters)
  if (isRepeated(letters) && part >= tellingPart && runs * part <= letters.length + part) return true
  // "a1b2c3d4": two sequences, one in the other.
  const around = rest(all.filter(isPadding), few)
  if (around > most) return false
  return isRepeated(letters) || rest(letters, few) + around <= most

  function rest(characters: readonly string[], costs: UncoveredCosts): number {
    return costOfUncovered(findPieces(characters, find), costs)
  }

  function isRepeated(characters: readonly string[]): boolean {
    const part = repeatedPartLength(characters)
    return part < minLength && part * 2 <= characters.length
  }
}

/**
 * The forms in which names are looked for: whole, by their words, and without accents, each without disguise. Forms without
 * a letter and those of one or two ASCII characters are left out, since they are in everything.
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
