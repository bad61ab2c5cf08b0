import { cpuBetween, type BenchDatabase } from './database'
import type { Group, Program } from './processes'
import type { LoadOrder, LoadResult } from './programs/load'
import type { MailOrder, MailReply } from './programs/mail-receiver'
import { ratiosOf } from './statistics'

/** What each comparison gets. */
export type Bench = {
  rounds: number
  /** Of one contender in one round. */
  seconds: number
  /** The PostgreSQL server to make databases on; undefined: the embedded database. */
  server: string | undefined
  /** Another server that speaks the wire format of Django REST Registration. */
  peer: string | undefined
  load: Program<LoadOrder, LoadResult>
  mail: Program<MailOrder, MailReply>
  /** The receiving mail server, as a setting. */
  smtpUrl(): Promise<string>
  progress(text: string): void
}

/** What one contender did in one round. Processor times in milliseconds per operation. */
export type Sample = {
  /** Operations a second. */
  rate: number
  /** Of the contender's own processes; undefined if they are not ours. */
  cpu?: number | undefined
  /** Of PostgreSQL; undefined if the contender uses none, or one on another machine. */
  databaseCpu?: number | undefined
  /** Milliseconds until a response. */
  p50?: number
  p99?: number
}

export type Contender = { name: string; run: (seconds: number) => Promise<Sample> }

/** One line of the table: what is compared, with what, and each round of both. */
export type Comparison = { name: string; against: string; goal?: string; ours: Sample[]; theirs: Sample[] }

/** A figure that is no ratio; `values` has one for each round. */
export type Figure = { name: string; unit: string; goal?: string; values: number[] }

export type Results = { comparisons: Comparison[]; figures?: Figure[]; notes?: string[] }

/**
 * Lets contenders run in turn, round after round, the first of each round another one: whatever the machine does meanwhile
 * meets all of them. One round before is not counted.
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

type Used = { group?: Group; database?: BenchDatabase }

/** A contender that serves a load of its own making; the processor time of `group` and `database` counts. */
export function measured(
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

/** A contender that is sent the same kind of request for as long as its turn is. */
export const underLoad = (
  bench: Bench,
  name: string,
  order: Omit<LoadOrder, 'url' | 'seconds'> & { url?: string },
  used: Used,
): Contender =>
  measured(name, used, (seconds) => bench.load.order({ url: used.group?.url ?? '', ...order, seconds }))

/** All processor time of one operation, PostgreSQL's included, in milliseconds; undefined if it is not ours to see. */
export function wholeCpu({ cpu, databaseCpu = 0 }: Sample): number | undefined {
  return cpu === undefined ? undefined : cpu + databaseCpu
}

/** The ratios of a comparison, round by round: of rates, and of processor times if both are known. */
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
