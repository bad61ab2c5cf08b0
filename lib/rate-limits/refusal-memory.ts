/** `lasts`: milliseconds. `holds`: the most keys. */
const memory = { lasts: 1000, holds: 10_000 }

/** Remembers rejections, so that repeated requests need no database; only for a second, so that lifting a limit takes effect soon. */
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

  /** @param next when the next request may pass, in milliseconds since the epoch */
  function keep(key: string, next: number): void {
    kept.delete(key)
    kept.set(key, { until: Date.now() + memory.lasts, next })
    if (kept.size > memory.holds) kept.delete(kept.keys().next().value!)
  }

  return { recall, keep }
}
