import { cpuBetween, type BenchDatabase } from './database'
import type { ProcessGroup, Program } from './processes'
import type { LoadOrder, LoadResult } from './programs/load'
import type { MailOrder, MailReply } from './programs/mail-receiver'
import { ratiosOf } from './statistics'

/** The options and programs that each comparison gets. */
export type Bench = {
  rounds: number
  /** How long a contender runs in one round. */
  seconds: number
  /** The URL of the PostgreSQL server to create databases on; undefined: databases are embedded. */
  server: string | undefined
  /** The URL of another server's endpoint with the wire format of Django REST Registration, to compare with. */
  peer: string | undefined
  load: Program<LoadOrder, LoadResult>
  mail: Program<MailOrder, MailReply>
  /** Returns SMTP_URL for the mail server that receives the emails. */
  smtpUrl(): Promise<string>
  progress(text: string): void
}

/** The result of one contender in one round. Processor times are in milliseconds per operation. */
export type Sample = {
  /** Operations a second. */
  rate: number
  /** Processor time of the contender's own processes; undefined if the benchmark did not start them. */
  cpu?: number | undefined
  /** Processor time of PostgreSQL; undefined if the contender uses none, or one on another machine. */
  databaseCpu?: number | undefined
  /** Milliseconds until a response. */
  p50?: number
  p99?: number
}

/** One side of a comparison. */
export type Contender = { name: string; run: (seconds: number) => Promise<Sample> }

/** A row of the results' table: `name` is compared with `against`; `ours` and `theirs` have a sample for each round. */
export type Comparison = { name: string; against: string; goal?: string; ours: Sample[]; theirs: Sample[] }

/** A figure that is no ratio of two contenders; `values` are those of the rounds, or a single one. */
export type Figure = { name: string; unit: string; goal?: string; values: number[] }

export type Results = { comparisons: Comparison[]; figures?: Figure[]; notes?: string[] }

/**
 * Lets contenders run in turn, round after round, so that whatever else the machine does affects all of them. Each round begins
 * with another contender. Before the first round, each one runs once to warm up.
 *
 * @returns the samples of each contender by its name, without those of the warm-up
 */
export async function runRounds(bench: Bench, contenders: Contender[]): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]))
  for (const { name, run } of contenders) {
    bench.progress(`warming up: ${name}`)
    await run(bench.seconds)
  }
  for (let round = 0; round < bench.rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const { name, run } = contenders[(round + turn) % contenders.length]!
      const sample = await run(bench.seconds)
      bench.progress(`round ${round + 1} of ${bench.rounds}: ${name}: ${sample.rate.toFixed(1)} a second`)
      samples.get(name)!.push(sample)
    }
  }
  return samples
}

/** Pairs the rounds of two contenders. */
export function compare(
  samples: Map<string, Sample[]>,
  name: string,
  against: string,
  goal?: string,
): Comparison {
  const [ours, theirs] = [samples.get(name)!, samples.get(against)!]
  return { name, against, ...(goal !== undefined && { goal }), ours, theirs }
}

type Used = { group?: ProcessGroup; database?: BenchDatabase }

/**
 * Creates a contender that runs `send`, and measures the processor time of `group` and `database` meanwhile.
 *
 * @param send sends requests for so many seconds
 */
export function measuredContender(
  name: string,
  { group, database }: Used,
  send: (seconds: number) => Promise<LoadResult>,
): Contender {
  return {
    name,
    async run(seconds) {
      const [ownBefore, databaseBefore] = [group?.cpu(), await database?.cpu()]
      const { count, seconds: elapsed, p50, p99 } = await send(seconds)
      const used = cpuBetween(databaseBefore, await database?.cpu())
      return {
        rate: count / elapsed,
        cpu: group && (group.cpu() - ownBefore!) / count,
        databaseCpu: used === undefined ? undefined : used / count,
        p50,
        p99,
      }
    },
  }
}

/** Creates a contender to which the program `load` sends requests during its turn. */
export const contenderUnderLoad = (
  bench: Bench,
  name: string,
  order: Omit<LoadOrder, 'url' | 'seconds'> & { url?: string },
  used: Used,
): Contender =>
  measuredContender(name, used, (seconds) =>
    bench.load.order({ url: used.group?.url ?? '', ...order, seconds }),
  )

/** Returns the milliseconds of processor time per operation, PostgreSQL's included if known; undefined if `cpu` is unknown. */
export function wholeCpu({ cpu, databaseCpu = 0 }: Sample): number | undefined {
  return cpu === undefined ? undefined : cpu + databaseCpu
}

/** Returns the ratios of each round of a comparison: of rates and, if those of all rounds are known, of processor times. */
export function ratiosIn({ ours, theirs }: Comparison): { rate: number[]; cpu?: number[] } {
  const rate = ratiosOf(
    ours.map((sample) => sample.rate),
    theirs.map((sample) => sample.rate),
  )
  const [own, other] = [ours, theirs].map((samples) =>
    samples.map(wholeCpu).filter((cpu) => cpu !== undefined),
  )
  return own!.length === ours.length && other!.length === theirs.length
    ? { rate, cpu: ratiosOf(own!, other!) }
    : { rate }
}
