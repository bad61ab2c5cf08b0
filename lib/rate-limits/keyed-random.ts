import { createHmac } from 'node:crypto'

/**
 * Random numbers that only holders of SECRET_KEY can predict, and that all processes share without storing them: each is derived from
 * the key and a label, so the same label has the same number.
 */
export type KeyedRandom = ReturnType<typeof createKeyedRandom>

/** Creates the random numbers of a key. @param key derived from SECRET_KEY for this purpose only */
export function createKeyedRandom(key: Buffer) {
  const bytes = (label: string) => createHmac('sha256', key).update(label).digest()

  /** Returns a whole number from 0 to `below` - 1. Its bias is at most `below` / 2^64, which is negligible for counts and seconds. */
  function number(label: string, below: number): number {
    return below <= 1 ? 0 : Number(bytes(label).readBigUInt64BE() % BigInt(below))
  }

  /**
   * Returns the number of the window that contains `now`. The windows of a name begin at a random time, so that the clock does not tell
   * an attacker when one ends.
   *
   * @param seconds the length of a window
   * @param now milliseconds since the epoch
   */
  function window(name: string, seconds: number, now = Date.now()): number {
    return Math.floor((now / 1000 + number(`${name} begins`, seconds)) / seconds)
  }

  /** Returns the texts, which must differ, in a random order that depends on the label. */
  function shuffle(label: string, texts: string[]): string[] {
    const rank = new Map(texts.map((text) => [text, bytes(`${label} ${text}`)]))
    return texts.toSorted((a, b) => Buffer.compare(rank.get(a)!, rank.get(b)!))
  }

  return { number, window, shuffle }
}
