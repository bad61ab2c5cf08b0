import { isLetter, isDigitOrSign, withoutDisguise } from './visible-text'
import { stepsBetween } from './sequences'

// Covers a password with pieces that a guesser tries anyway: words, sequences, repetitions. Only the characters that no piece covers
// make the password hard to guess.

/** A word that a guesser tries anyway: a name, or a common password. */
export type KnownWord = {
  /** Identifies the word: repetitions of one common password have the same `word`, two different ones do not. */
  word: string
  /** Whether the word is a name of the account or the service. */
  isName: boolean
}

/** Finds the known word for a text without disguise (`withoutDisguise`); undefined if there is none. */
export type LookUpWord = (plain: string) => KnownWord | undefined

type Piece = { end: number; known?: KnownWord; countsAsWord?: boolean }

/** The most characters of a repeated part that `repetitions` finds. */
const longestPart = 16

/** The most characters of a word that is looked up. */
const longestWord = 40

/** The fewest letters of a common password that `countsAsWord`, and characters of a reversed word: shorter ones occur by chance. */
const wordLetters = 5

/** What the characters cost that no piece covers. */
export type UncoveredCosts = {
  /** The cost of a digit or sign that no piece covers. */
  padding: number
  /** The cost of a letter that no piece covers; `Infinity` if every letter must be covered. */
  letter: number
  /** The greatest cost with which the text still counts as covered. */
  most: number
  /** Whether a name, or a common password of at least five letters, must be among the pieces. */
  needsWord: boolean
}

/** A text, and a function that returns the pieces that begin at a position of it. */
type TextPieces = { characters: readonly string[]; piecesFrom: (start: number) => readonly Piece[] }

/**
 * Finds the pieces of a text: sequences of keys, letters or digits, repetitions, and words that `lookUp` knows. Computes the pieces of
 * a position when they are first read: in most phrases, the cost exceeds `most` after a word or two, and `costOfUncovered` then reads
 * no further.
 */
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
 * Covers a text with its pieces at the least cost. One common password may be among the pieces, any number of times. A different second
 * one must not, because two words make a phrase, even if each is common.
 *
 * @returns the least cost of the characters that no piece covers; `Infinity` if it is more than `costs.most`, or if a word that
 *   `costs.needsWord` requires is missing
 */
export function costOfUncovered({ characters, piecesFrom }: TextPieces, costs: UncoveredCosts): number {
  /**
   * For each position, the least cost to get there by state. A state is the common password used so far, or nothing, then a space, and
   * `word` if a piece that counts as a word was used.
   */
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

/** Finds sequences: three characters or more in one direction (`qwe`), or six or more in two alternating directions (`1q2w3e`). */
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

/** Finds known words, from five characters on also reversed. At least half must be letters: a number could be a disguised word. */
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

/**
 * Returns the length of the shortest part that the whole text repeats (the last repetition may be cut); the length of the text if it
 * repeats none.
 */
export function repeatedPartLength(characters: readonly string[]): number {
  const borders = [0]
  for (let at = 1, border = 0; at < characters.length; at += 1) {
    while (border > 0 && characters[at] !== characters[border]) border = borders[border - 1]!
    if (characters[at] === characters[border]) border += 1
    borders.push(border)
  }
  return characters.length - (borders.at(-1) ?? 0)
}
