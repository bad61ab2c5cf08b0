/** How long a process remembers a rejection, in milliseconds, and of how many keys at most. */
const memory = { lasts: 1000, holds: 10_000 }

/**
 * Remembers rejections in this process, so that a client that continues costs the database one statement a second instead of
 * one per request. The time is short, so that a deleted count takes effect soon. Forgets the oldest rejections first.
 */
export function createRefusalMemory() {
  const kept = new Map<string, { until: number; next: number }>()

  /** Returns milliseconds until the next request may pass; undefined if no rejection is remembered. */
  function recall(key: string): number | undefined {
    const refusal = kept.get(key)
    const now = Date.now()
    return refusal !== undefined && now < Math.min(refusal.until, refusal.next)
      ? refusal.next - now
      : undefined
  }

  /** @param next when the next request may pass, in milliseconds since the epoch */
  function keep(key: string, next: number): void {
    kept.delete(key)
    kept.set(key, { until: Date.now() + memory.lasts, next })
    if (kept.size > memory.holds) kept.delete(kept.keys().next().value!)
  }

  return { recall, keep }
}
