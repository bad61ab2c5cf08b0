import { isLetter, isDigitOrSign, withoutDisguise } from './visible-text'
import { stepsBetween } from './sequences'

// Covers a password with pieces that a guesser tries: words, sequences, repetitions. Uncovered characters make it hard to guess.

type KnownWord = {
  /** Identifies the word. */
  word: string
  /** Whether the word is a name; otherwise, it is a common password. */
  isName: boolean
}

/** Receives a text without disguise (`withoutDisguise`). */
export type LookUpWord = (plain: string) => KnownWord | undefined

type Piece = { end: number; known?: KnownWord; countsAsWord?: boolean }

/** The most characters of a repeated part. */
const longestPart = 16

const longestWord = 40

/** The fewest letters of a common password that `countsAsWord`, and characters of a reversed word: shorter ones occur by chance. */
const wordLetters = 5

/** The costs of characters that no piece covers. */
export type UncoveredCosts = {
  /** Of a digit or sign. */
  padding: number
  /** `Infinity` if every letter must be covered. */
  letter: number
  /** The greatest cost with which the text still counts as covered. */
  most: number
  /** Whether a name, or a common password of at least five letters, must be among the pieces. */
  needsWord: boolean
}

type TextPieces = { characters: readonly string[]; piecesFrom: (start: number) => readonly Piece[] }

/** Finds the pieces of a text, at each position when they are first read: `costOfUncovered` reads few positions of most phrases. */
export function findPieces(characters: readonly string[], lookUp: LookUpWord): TextPieces {
  const plain = withoutDisguise(characters)
  const found: Piece[][] = []
  function piecesFrom(start: number): Piece[] {
    return (found[start] ??= [
      ...sequences(characters, start),
      ...repetitions(characters, start),
      ...words(characters, plain, lookUp, start),
    ])
  }
  return { characters, piecesFrom }
}

/**
 * Returns the least cost of the characters that no piece covers; `Infinity` if it exceeds `costs.most`, or a required word is missing.
 * Among the pieces may be one common password, any number of times, but not a second one: two words make a phrase.
 */
export function costOfUncovered({ characters, piecesFrom }: TextPieces, costs: UncoveredCosts): number {
  // The least cost by state for each position. A state is the common password used or nothing, a space, and `word` after such a piece.
  const reached: Map<string, number>[] = Array.from({ length: characters.length + 1 }, () => new Map())
  reached[0]!.set(' ', 0)
  for (const [at, character] of characters.entries()) {
    const own = isDigitOrSign(character) ? costs.padding : costs.letter
    for (const [state, cost] of reached[at]!) {
      const [common = '', counted = ''] = state.split(' ')
      reach(at + 1, state, cost + own)
      for (const { end, known, countsAsWord } of piecesFrom(at)) {
        if (known === undefined) reach(end, state, cost)
        else if (known.isName) reach(end, `${common} word`, cost)
        else if (common === '' || common === known.word) {
          reach(end, `${known.word} ${countsAsWord ? 'word' : counted}`, cost)
        }
      }
    }
  }
  const ends = [...reached[characters.length]!].filter(
    ([state]) => !costs.needsWord || state.endsWith(' word'),
  )
  return Math.min(Infinity, ...ends.map(([, cost]) => cost))

  function reach(end: number, state: string, cost: number): void {
    const before = reached[end]!.get(state) ?? Infinity
    if (cost <= costs.most && cost < before) reached[end]!.set(state, cost)
  }
}

/** Finds three characters or more in one direction (`qwe`), or six or more in two alternating directions (`1q2w3e`). */
function sequences(characters: readonly string[], start: number): Piece[] {
  const pieces: Piece[] = []
  for (const [period, least] of [
    [1, 3],
    [2, 6],
  ] as const) {
    const ways: ReadonlySet<string>[] = []
    // A longer sequence is several sequences, one after the other.
    const last = Math.min(characters.length, start + 2 * least) - 1
    for (let at = start; at < last; at += 1) {
      const turn = (at - start) % period
      const step = stepsBetween(characters[at]!, characters[at + 1]!)
      const kept = new Set([...(ways[turn] ?? step)].filter((way) => step.has(way)))
      if (kept.size === 0) break
      ways[turn] = kept
      if (at + 2 - start >= least) pieces.push({ end: at + 2 })
    }
  }
  return pieces
}

/** Finds parts that occur three times or more, one after the other. The beginning of a further repetition may follow. */
function repetitions(characters: readonly string[], start: number): Piece[] {
  const pieces: Piece[] = []
  let covered = start
  for (let part = 1; part <= longestPart; part += 1) {
    // A longer repetition is several repetitions, one after the other.
    const last = Math.min(characters.length, start + 6 * part - 1)
    let end = start + part
    while (end < last && characters[end] === characters[end - part]) end += 1
    if (end < start + 3 * part || end <= covered) continue
    covered = end
    for (let at = start + 3 * part; at <= end; at += 1) pieces.push({ end: at })
  }
  return pieces
}

/** Finds known words, long ones also reversed. At least half must be letters: a number could be a disguised word. */
function words(
  characters: readonly string[],
  plain: readonly string[],
  lookUp: LookUpWord,
  start: number,
): Piece[] {
  const pieces: Piece[] = []
  let [forwards, backwards, letters] = ['', '', 0]
  for (let end = start + 1; end <= Math.min(plain.length, start + longestWord); end += 1) {
    forwards += plain[end - 1]!
    backwards = plain[end - 1]! + backwards
    if (isLetter(characters[end - 1]!)) letters += 1
    if (letters * 2 < end - start) continue
    const known = lookUp(forwards) ?? (end - start >= wordLetters ? lookUp(backwards) : undefined)
    if (known) pieces.push({ end, known, countsAsWord: known.isName || letters >= wordLetters })
  }
  return pieces
}

/** Returns the length of the shortest part that the text repeats, of which the last may be cut; the text's length if it repeats none. */
export function repeatedPartLength(characters: readonly string[]): number {
  const borders = [0]
  for (let at = 1, border = 0; at < characters.length; at += 1) {
    while (border > 0 && characters[at] !== characters[border]) border = borders[border - 1]!
    if (characters[at] === characters[border]) border += 1
    borders.push(border)
  }
  return characters.length - (borders.at(-1) ?? 0)
}
