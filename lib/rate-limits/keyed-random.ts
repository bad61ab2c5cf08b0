import { createHmac } from 'node:crypto'

/** Creates random numbers that all processes share and others cannot predict. @param key derived from SECRET_KEY for this purpose only */
export function createKeyedRandom(key: Buffer) {
  const bytes = (label: string) => createHmac('sha256', key).update(label).digest()

  /** Returns a whole number from 0 to `below` - 1. Its bias is at most `below` / 2^64. */
  function number(label: string, below: number): number {
    return below <= 1 ? 0 : Number(bytes(label).readBigUInt64BE() % BigInt(below))
  }

  /** Returns the number of the current window. Windows begin at a random time, so that the clock does not tell when one ends. */
  function window(name: string, seconds: number): number {
    return Math.floor((Date.now() / 1000 + number(`${name} begins`, seconds)) / seconds)
  }

  /** Returns the texts, which must differ, in a random order that depends on the label. */
  function shuffle(label: string, texts: string[]): string[] {
    const rank = new Map(texts.map((text) => [text, bytes(`${label} ${text}`)]))
    return texts.toSorted((a, b) => Buffer.compare(rank.get(a)!, rank.get(b)!))
  }

  return { number, window, shuffle }
}
