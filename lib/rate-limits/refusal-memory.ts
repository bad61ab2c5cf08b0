/** A process remembers a rejection for `lasts` milliseconds, and the rejections of `holds` keys at most. */
const memory = { lasts: 1000, holds: 10_000 }

/**
 * Creates the memory of a process for rejections by rate limits. For a second at most, requests with the same key are rejected without
 * the database. A second is short, so that lifting a limit takes effect soon. A full memory forgets the oldest rejection.
 */
export function createRefusalMemory() {
  const kept = new Map<string, { until: number; next: number }>()

  /** Returns the milliseconds until the next request may pass; undefined if no rejection of this key is remembered. */
  function recall(key: string): number | undefined {
    const refusal = kept.get(key)
    const now = Date.now()
    return refusal !== undefined && now < Math.min(refusal.until, refusal.next)
      ? refusal.next - now
      : undefined
  }

  /** Remembers the rejection of a key. @param next when the next request may pass, in milliseconds since the epoch */
  function keep(key: string, next: number): void {
    kept.delete(key)
    kept.set(key, { until: Date.now() + memory.lasts, next })
    if (kept.size > memory.holds) kept.delete(kept.keys().next().value!)
  }

  return { recall, keep }
}
