// What a person sees of a text, and what a guesser takes for the same character.

/** Spaces, controls and everything that a font draws nothing for, the zero-width ones and the empty Braille cell included. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}\u2800]/u

/** Digits and signs, with which people fill a password up. A picture is none: there are thousands to choose from. */
const padding = /^(?!\p{Extended_Pictographic}|\p{Regional_Indicator})[\p{N}\p{P}\p{S}]/u

const sign = /^(?!\p{Extended_Pictographic}|\p{Regional_Indicator})[\p{P}\p{S}]/u

/** How many of the code points, as they were typed, can be seen. */
export function countVisible(text: string): number {
  return Array.from(text).filter((character) => !invisible.test(character)).length
}

/** Visible characters that are looked at: some compatible forms are eighteen letters long. */
const mostVisible = 256

/** The first 256 visible characters, without regard to case and to compatible forms such as full-width letters (NFKC). */
export function visibleCharacters(text: string): string[] {
  return Array.from(text.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ'))
    .filter((character) => !invisible.test(character))
    .slice(0, mostVisible)
}

export function isPadding(character: string): boolean {
  return padding.test(character)
}

export function isSign(character: string): boolean {
  return sign.test(character)
}

export function isLetter(character: string): boolean {
  return /^\p{L}/u.test(character)
}

/** Each line: the character that stands for the others. The last letters are Cyrillic and Greek ones that look Latin. */
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

/** The same characters, as many, with digits, signs and look-alikes read as the letters that they stand for. */
export function withoutDisguise(characters: readonly string[]): string[] {
  return characters.map((character) => plainOf.get(character) ?? character)
}
