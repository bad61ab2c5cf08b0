export type Spread = { median: number; least: number; most: number }

/** @throws Error if there are no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('There is nothing to sum up.')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, least: sorted[0]!, most: sorted.at(-1)! }
}

/** By round, because other load slows both sides of a round. @throws Error if the sides differ in length */
export function ratiosOf(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) throw new Error('Each round needs both sides.')
  return ours.map((value, round) => value / theirs[round]!)
}

/** By nearest rank; 0 without values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
}
