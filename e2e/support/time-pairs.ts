import { randomInt } from 'node:crypto'

/** Milliseconds by the names of the timed requests. */
export type Times<Name extends string> = Record<Name, number>

/** Sends one request, or several, and returns the times of some of them. */
export type TimedRound<Name extends string> = (round: number) => Promise<Times<Name>>

export type Comparison = {
  pairs: number
  /** The median of the differences, one side minus the other, and its 95 % interval; milliseconds. */
  difference: number
  interval: [low: number, high: number]
  typical: number
  verdict: Verdict
}

/** Whether the interval lies within the bound, or beyond it, or neither, where the pairs were too few or too noisy. */
export type Verdict = 'alike' | 'told apart' | 'undecided'

export type Effort = {
  /** The fewest pairs, also where the interval is narrow. */
  least: number
  /** The most pairs and seconds, also where the interval is wide. */
  most: number
  seconds: number
  /** How many pairs run at once; more than one only where most of the time is waiting. */
  lanes?: number
}

/** Milliseconds within which the interval must lie. */
export const bound = 1

/** The width of the interval at which measuring ends. A rule on the width alone favours neither verdict. */
const narrow = 0.8 * bound

/** The requests of this many pairs are shuffled together, so that the effect of one on the next meets both sides alike. */
const block = 10

/**
 * Times two kinds of requests in random order, and compares the pairs. A drift, as of a growing table, meets both sides of a
 * pair. An outlier counts as one pair, however large it is.
 */
export async function compareTimes<Name extends string>(
  one: TimedRound<Name>,
  other: TimedRound<Name>,
  { least, most, seconds, lanes = 1 }: Effort,
): Promise<Record<Name, Comparison>> {
  const warmUp = 5
  for (let round = 0; round < warmUp; round += 1) for (const side of [one, other]) await side(round)

  const pairs: [Times<Name>, Times<Name>][] = []
  let round = warmUp
  const takeBlock = async () => {
    const sides = shuffled([...Array<0>(block).fill(0), ...Array<1>(block).fill(1)])
    const taken: [Times<Name>[], Times<Name>[]] = [[], []]
    for (const side of sides) taken[side].push(await (side === 0 ? one : other)(round++))
    taken[0].forEach((times, i) => pairs.push([times, taken[1][i]!]))
  }
  const compared = () => {
    const names = Object.keys(pairs[0]![0]) as Name[]
    return names.map((name) => [name, compare(pairs.map(([a, b]) => [a[name], b[name]]))] as const)
  }
  const isNarrow = ({ interval: [low, high] }: Comparison) => high - low <= narrow
  const end = performance.now() + seconds * 1000
  const mayTakeMore = () => pairs.length < most && performance.now() < end
  do {
    await Promise.all(Array.from({ length: lanes }, takeBlock))
  } while (mayTakeMore() && (pairs.length < least || !compared().every(([, one]) => isNarrow(one))))
  return Object.fromEntries(compared()) as Record<Name, Comparison>
}

/** The median of paired differences, with the interval that inverts the sign test, which assumes only independent pairs. */
export function compare(pairs: [number, number][]): Comparison {
  const differences = pairs.map(([one, other]) => one - other).sort((a, b) => a - b)
  const n = differences.length
  // The normal approximation of the binomial's 2.5 % quantile.
  const rank = Math.max(0, Math.floor((n - 1.96 * Math.sqrt(n)) / 2) - 1)
  const interval: [number, number] = [differences[rank]!, differences[n - 1 - rank]!]
  return {
    pairs: n,
    difference: middle(differences),
    interval,
    typical: median(pairs.flat()),
    verdict: verdictOf(interval),
  }
}

function verdictOf([low, high]: [number, number]): Verdict {
  if (low >= -bound && high <= bound) return 'alike'
  return low > bound || high < -bound ? 'told apart' : 'undecided'
}

export const median = (values: number[]) => middle([...values].sort((a, b) => a - b))

function middle(sorted: number[]): number {
  const last = sorted.length - 1
  return (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2
}

function shuffled<Item>(items: Item[]): Item[] {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = randomInt(i + 1)
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}
