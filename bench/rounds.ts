import { cpuBetween, type BenchDatabase } from './database'
import type { ProcessGroup, Program } from './processes'
import type { LoadOrder, LoadResult } from './programs/load'
import type { MailOrder, MailReply } from './programs/mail-receiver'
import { ratiosOf } from './statistics'

export type Bench = {
  rounds: number
  /** How long a contender runs in a round. */
  seconds: number
  /** The URL of a PostgreSQL server; undefined for embedded databases. */
  server: string | undefined
  /** The URL of another endpoint with the wire format of Django REST Registration. */
  peer: string | undefined
  load: Program<LoadOrder, LoadResult>
  mail: Program<MailOrder, MailReply>
  smtpUrl(): Promise<string>
  progress(text: string): void
}

/** Processor times are in milliseconds per operation. */
export type Sample = {
  /** Operations a second. */
  rate: number
  /** Of the contender's processes; undefined if the benchmark did not start them. */
  cpu?: number | undefined
  /** Of PostgreSQL; undefined if it is not used or not known. */
  databaseCpu?: number | undefined
  /** Milliseconds until a response. */
  p50?: number
  p99?: number
}

export type Contender = { name: string; run: (seconds: number) => Promise<Sample> }

/** `ours` are the samples of `name`, and `theirs` those of `against`, by round. */
export type Comparison = { name: string; against: string; goal?: string; ours: Sample[]; theirs: Sample[] }

/** `values` are those of the rounds, or a single one. */
export type Figure = { name: string; unit: string; goal?: string; values: number[] }

export type Results = { comparisons: Comparison[]; figures?: Figure[]; notes?: string[] }

/** Runs contenders in turn, so that other load affects all of them. The samples omit a first run of each, the warm-up. */
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

/** Creates a contender that runs `send`, and measures the processor time of `group` and `database` meanwhile. */
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

/** Creates a contender to which the program `load` sends requests. */
export const contenderUnderLoad = (
  bench: Bench,
  name: string,
  order: Omit<LoadOrder, 'url' | 'seconds'> & { url?: string },
  used: Used,
): Contender =>
  measuredContender(name, used, (seconds) =>
    bench.load.order({ url: used.group?.url ?? '', ...order, seconds }),
  )

/** Includes the processor time of PostgreSQL, if known. */
export function wholeCpu({ cpu, databaseCpu = 0 }: Sample): number | undefined {
  return cpu === undefined ? undefined : cpu + databaseCpu
}

/** Returns the ratios of each round; those of processor times only if all are known. */
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
