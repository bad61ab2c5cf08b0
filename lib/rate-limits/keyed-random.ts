import { createHmac } from 'node:crypto'

/**
 * Numbers that nobody without the secret can foresee and that all instances agree on: each is derived from the secret and
 * from what it is for, so that nothing has to be stored or told.
 */
export type KeyedRandom = ReturnType<typeof createKeyedRandom>

/** @param key derived from the secret for this purpose alone */
export function createKeyedRandom(key: Buffer) {
  const bytes = (label: string) => createHmac('sha256', key).update(label).digest()

  /** A whole number from 0 to `below` - 1, each as likely as the others to within 2^-27. */
  function number(label: string, below: number): number {
    return below <= 1 ? 0 : Number(bytes(label).readBigUInt64BE() % BigInt(below))
  }

  /**
   * The number of the window that a moment lies in. Windows begin at a drawn moment, so that nobody outside knows when
   * one ends.
   */
  function window(name: string, seconds: number, now = Date.now()): number {
    return Math.floor((now / 1000 + number(`${name} begins`, seconds)) / seconds)
  }

  /** The texts in a drawn order. */
  function shuffle(label: string, texts: string[]): string[] {
    const rank = new Map(texts.map((text) => [text, bytes(`${label} ${text}`)]))
    return texts.toSorted((a, b) => Buffer.compare(rank.get(a)!, rank.get(b)!))
  }

  return { number, window, shuffle }
}
