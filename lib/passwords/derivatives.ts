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

type DerivativeContext = {
  /** PASSWORD_MIN_LENGTH. */
  minLength: number
  /** Forms of names, as `nameForms` returns them. */
  names: ReadonlySet<string>
  /** Receives a word without disguise (`withoutDisguise`). */
  isCommon: (plain: string) => boolean
}

/**
 * Whether a password is derived from what a guesser tries first (NIST SP 800-63B-4 §3.1.1.2): all but a few of its characters belong to
 * repetitions, sequences, names, or one common password. A second common password is not covered: two words make a phrase. Digits and
 * signs may pad a word or alternate with letters, as in `a1b2c3d4`. Searches only the first 256 visible characters, to limit the time.
 */
export function isDerivative(password: string, { minLength, names, isCommon }: DerivativeContext): boolean {
  if (countVisible(password) * 2 < minLength) return true
  const lookUp: LookUpWord = (plain) => {
    if (names.has(plain)) return { word: plain, isName: true }
    return isCommon(plain) ? { word: plain, isName: false } : undefined
  }
  const visible = visibleCharacters(password)
  if (isRepeated(visible)) return true
  // One part of a repetition is enough: repeating an acceptable password must not make it unacceptable.
  const part = repeatedPartLength(visible)
  const all = part * 2 <= visible.length ? visible.slice(0, part) : visible

  // "aaaaaaaaaaaaaab" is hardly better than its beginning, so a few characters may stay uncovered.
  const most = Math.min(4, Math.floor(all.length / 5))
  const few = { padding: 1, letter: 2, most, needsWord: false }
  const padded = { padding: 0, letter: Infinity, most: 0, needsWord: true }
  const cut = findPieces(all, lookUp)
  if (costOfUncovered(cut, few) <= most || costOfUncovered(cut, padded) === 0) return true

  const unsigned = all.filter((character) => !isSign(character))
  if (unsigned.length < all.length && rest(unsigned, padded) === 0) return true

  const letters = all.filter((character) => !isDigitOrSign(character))
  if (letters.length === all.length || letters.length < 3) return false
  // Matches "sunflower1sunflower2". With more runs, a random hexadecimal text could match by chance.
  const runs = all.filter(
    (character, at) => !isDigitOrSign(character) && isDigitOrSign(all[at - 1] ?? '0'),
  ).length
  const word = repeatedPartLength(letters)
  if (isRepeated(letters) && word >= tellingPart && runs * word <= letters.length + word) return true
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
 * Returns the forms of names to search for in a password, without disguise: names and their words, with and without separators and accents.
 * Omits short forms, because many passwords contain these by chance.
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
