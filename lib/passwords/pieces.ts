import { isLetter, isDigitOrSign, withoutDisguise } from './visible-text'
import { stepsBetween } from './sequences'

// Covers a text with pieces that a guesser tries anyway: words, lines of keys, repetitions. What no piece covers is the person's
// own.

/** A word that a guesser tries anyway. */
export type KnownWord = {
  /**
   * Identifies the word in all its forms. Only one common word may cover a text, as often as wanted; this tells its repetition
   * from another word.
   */
  word: string
  /** Whether it belongs to the account or the service. */
  isName: boolean
}

/** Looks up a word whose disguise the caller removed (`withoutDisguise`); undefined if no guesser tries it. */
export type LookUpWord = (plain: string) => KnownWord | undefined

type Piece = { end: number; known?: KnownWord; isStrong?: boolean }

/** The most characters of a repeated part, if the repetition is not the whole text. */
const longestPart = 16

/** The most characters of a word that is looked up. */
const longestWord = 40

/** The least letters of a common password that is `isStrong`: a shorter one also occurs by chance among digits. */
const strongLetters = 5

/** The costs of characters that no piece covers. */
export type UncoveredCosts = {
  /** The cost of a digit or sign that is in no sequence. */
  padding: number
  /** The cost of a letter; `Infinity` where every letter must be covered. */
  letter: number
  /** The greatest cost that still counts as covered. */
  most: number
  /** Whether there must be a name, or a common password of five letters. */
  needsWord: boolean
}

/** A text, with a lookup of the pieces that begin at each of its positions. */
type TextPieces = { characters: readonly string[]; piecesFrom: (start: number) => readonly Piece[] }

/**
 * Finds the lines of keys or letters, the repetitions, and the words that `lookUp` knows. The pieces of a position are computed
 * when they are first read, because most phrases are given up after a word or two.
 */
export function findPieces(characters: readonly string[], lookUp: LookUpWord): TextPieces {
  const plain = withoutDisguise(characters)
  const found: Piece[][] = []
  function piecesFrom(start: number): Piece[] {
    return (found[start] ??= [
      ...lines(characters, start),
      ...repetitions(characters, start),
      ...words(characters, plain, lookUp, start),
    ])
  }
  return { characters, piecesFrom }
}

/**
 * Covers a text with its pieces at the least cost. One common password may cover, as often as wanted; a second one must not,
 * because words that many people use make a good phrase.
 *
 * @returns the least cost of the characters that no piece covers; `Infinity` if it is more than `most`
 */
export function costOfUncovered({ characters, piecesFrom }: TextPieces, costs: UncoveredCosts): number {
  /** By position: the least cost to get there, by the common password used so far and whether there is a strong word. */
  const reached: Map<string, number>[] = Array.from({ length: characters.length + 1 }, () => new Map())
  reached[0]!.set(' ', 0)
  for (const [at, character] of characters.entries()) {
    const own = isDigitOrSign(character) ? costs.padding : costs.letter
    for (const [state, cost] of reached[at]!) {
      const [word = '', strong = ''] = state.split(' ')
      reach(at + 1, state, cost + own)
      for (const { end, known, isStrong } of piecesFrom(at)) {
        if (known === undefined) reach(end, state, cost)
        else if (known.isName) reach(end, `${word} strong`, cost)
        else if (word === '' || word === known.word) {
          reach(end, `${known.word} ${isStrong ? 'strong' : strong}`, cost)
        }
      }
    }
  }
  const ends = [...reached[characters.length]!].filter(
    ([state]) => !costs.needsWord || state.endsWith(' strong'),
  )
  return Math.min(Infinity, ...ends.map(([, cost]) => cost))

  function reach(end: number, state: string, cost: number): void {
    const before = reached[end]!.get(state) ?? Infinity
    if (cost <= costs.most && cost < before) reached[end]!.set(state, cost)
  }
}

/** Finds lines: three characters or more in one direction (`qwe`), or six or more in two alternating ones (`1q2w3e`). */
function lines(characters: readonly string[], start: number): Piece[] {
  const pieces: Piece[] = []
  for (const [period, least] of [
    [1, 3],
    [2, 6],
  ] as const) {
    const ways: ReadonlySet<string>[] = []
    // A longer line is several lines, one after the other.
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

/** Finds parts that occur three times or more, one after the other; the last one may be cut. */
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

/** Finds known words, also backwards. At least half of a word must be letters, because any digit may stand for a letter. */
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
    const known = lookUp(forwards) ?? (end - start >= strongLetters ? lookUp(backwards) : undefined)
    if (known) pieces.push({ end, known, isStrong: known.isName || letters >= strongLetters })
  }
  return pieces
}

/**
 * The length of the shortest part that the whole text repeats (the last one may be cut); the text's own length if there is none.
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
