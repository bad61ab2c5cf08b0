/** Matches spaces, control characters, zero-width characters, and the empty Braille cell, for which a font draws nothing. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}\u2800]/u

/** Matches digits and signs, with which people pad a password; no emojis, because a guesser would have to try thousands. */
const padding = /^(?!\p{Extended_Pictographic}|\p{Regional_Indicator})[\p{N}\p{P}\p{S}]/u

const sign = /^(?!\p{Extended_Pictographic}|\p{Regional_Indicator})[\p{P}\p{S}]/u

export function countVisible(text: string): number {
  return Array.from(text).filter((character) => !invisible.test(character)).length
}

/** Limits the time: NFKC turns some characters into eighteen letters. */
const mostVisible = 256

/** Returns the first `mostVisible` visible characters, in lower case and without compatibility forms such as full-width letters (NFKC). */
export function visibleCharacters(text: string): string[] {
  return Array.from(text.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ'))
    .filter((character) => !invisible.test(character))
    .slice(0, mostVisible)
}

export function isDigitOrSign(character: string): boolean {
  return padding.test(character)
}

export function isSign(character: string): boolean {
  return sign.test(character)
}

export function isLetter(character: string): boolean {
  return /^\p{L}/u.test(character)
}

/** Each line has a plain character, then digits, signs and letters that look like it, also Cyrillic and Greek ones. */
const disguises = [
  'a4@аα',
  'b8в',
  'c(сϲ',
  'e3€е',
  'g69',
  'hһ',
  'i1!|lіι',
  'jј',
  'kкκ',
  'o0оοσ',
  'pрρ',
  's5$ѕ',
  't7+тτ',
  'uυ',
  'vν',
  'xх×χ',
  'yу',
  'z2',
]

const plainOf = new Map(
  disguises.flatMap((line) => {
    const [plain = '', ...others] = Array.from(line)
    return others.map((other) => [other, plain] as const)
  }),
)

/** Replaces disguises by their plain characters; the length stays the same. */
export function withoutDisguise(characters: readonly string[]): string[] {
  return characters.map((character) => plainOf.get(character) ?? character)
}
