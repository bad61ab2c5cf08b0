import type { Database } from '@/lib/database/pool'
import { epochMilliseconds } from '@/lib/database/instants'
import { Prisma } from '@/prisma/client/client'
import { processKinds, queues, type ProcessKind } from './catalogue'

/** The counts of a process since its last report, and its gauges, both by series. */
export type ProcessReport = {
  /** A UUID. */
  process: string
  kind: ProcessKind
  /** Rises by one with each report of a process. */
  number: number
  counts: ReadonlyMap<string, number>
  gauges: Record<string, number>
}

/** The totals of all reports, by series. */
export type ReportTotals = {
  counts: Map<string, number>
  /** Sums over the processes of one kind that reported in the last `goneAfter` seconds. */
  gauges: Record<ProcessKind, Map<string, number>>
  /** How many processes of each kind reported in that time. */
  processes: Record<ProcessKind, number>
  /** Milliseconds since the newest report; null if none is stored. */
  lastReport: number | null
  /** The database's clock, in milliseconds since the epoch. */
  now: number
}

/** The numbers of unfinished jobs of one queue. */
export type JobNumbers = {
  queue: string
  waiting: number
  retrying: number
  running: number
  /** The age of the oldest unfinished job in seconds; 0 if there is none. */
  oldest: number
}

/** Seconds without a report after which a process counts as ended. */
const goneAfter = 30

/** Milliseconds (`statement_timeout`). */
const longestQuery = '2000'

export type MetricsStore = ReturnType<typeof createMetricsStore>

/** Creates the store of the installation's metrics. Its functions throw if the database is unavailable. */
export function createMetricsStore({
  queries,
  names,
  transaction,
}: Pick<Database, 'queries' | 'names' | 'transaction'>) {
  const { metrics, metricProcesses: processes, jobs } = names

  /** Adds the counts of a report to the totals, unless the report was already added. */
  async function add({ process, kind, number, counts, gauges }: ProcessReport): Promise<void> {
    const [series, values] = [[...counts.keys()], [...counts.values()]]
    await queries.$executeRaw`
      WITH fresh AS (
        INSERT INTO ${processes} AS p ("id", "kind", "report", "gauges")
        VALUES (${process}::uuid, ${kind}, ${number}::int, ${JSON.stringify(gauges)}::jsonb)
        ON CONFLICT ("id") DO UPDATE
          SET "report" = EXCLUDED."report", "gauges" = EXCLUDED."gauges", "seen_at" = now()
          WHERE p."report" < EXCLUDED."report"
        RETURNING 1)
      INSERT INTO ${metrics} AS m ("series", "value")
      SELECT n."series", n."value" FROM unnest(${series}::text[], ${values}::bigint[]) AS n("series", "value")
       WHERE EXISTS (SELECT FROM fresh)
       -- Always in the same order, so that reports of two processes do not deadlock.
       ORDER BY n."series"
      ON CONFLICT ("series") DO UPDATE SET "value" = m."value" + EXCLUDED."value"`
  }

  /** Runs a query that PostgreSQL cancels after `longestQuery`, so that it does not continue after the client has given up. */
  function bounded<Row>(query: Prisma.Sql): Promise<Row[]> {
    return transaction(async (tx) => {
      await tx.$queryRaw`SELECT set_config('statement_timeout', ${longestQuery}, true)`
      return tx.$queryRaw<Row[]>(query)
    })
  }

  async function read(): Promise<ReportTotals> {
    const rows = await bounded<CountRow | ProcessRow>(Prisma.sql`
      SELECT 'count' AS "of", "series", "value", NULL::jsonb AS "gauges"
        FROM ${metrics}
       UNION ALL
      SELECT "kind", NULL, floor(extract(epoch FROM now() - "seen_at") * 1000)::bigint, "gauges" FROM ${processes}
       UNION ALL
      SELECT 'now', NULL, ${epochMilliseconds(Prisma.sql`now()`)}, NULL`)
    const counts = new Map<string, number>()
    const gauges = { web: new Map<string, number>(), worker: new Map<string, number>() }
    const living = { web: 0, worker: 0 }
    let lastReport: number | null = null
    let now = 0
    for (const row of rows) {
      const value = Number(row.value)
      if (row.of === 'now') now = value
      else if (row.of === 'count') counts.set(row.series!, value)
      else {
        lastReport = Math.min(lastReport ?? Infinity, Math.max(0, value))
        const kind = processKinds.find((one) => one === row.of)
        if (kind === undefined || value > goneAfter * 1000) continue
        living[kind] += 1
        for (const [series, of] of Object.entries(row.gauges ?? {}))
          gauges[kind].set(series, (gauges[kind].get(series) ?? 0) + Number(of))
      }
    }
    return { counts, gauges, processes: living, lastReport, now }
  }

  /** Counts the unfinished jobs of each queue, also of an empty one. */
  async function readJobs(): Promise<JobNumbers[]> {
    const rows = await bounded<Record<keyof JobNumbers, unknown>>(Prisma.sql`
      SELECT "name" AS "queue", count(*) FILTER (WHERE "state" = 'created') AS "waiting",
             count(*) FILTER (WHERE "state" = 'retry') AS "retrying",
             count(*) FILTER (WHERE "state" = 'active') AS "running",
             greatest(0, floor(extract(epoch FROM now() - min("created_on"))))::bigint AS "oldest"
        FROM ${jobs} WHERE "name" = ANY (${[...queues]}) AND "state" <= 'active' GROUP BY "name"`)
    const found = new Map(rows.map((row) => [String(row.queue), row]))
    return queues.map((queue) => {
      const { waiting = 0, retrying = 0, running = 0, oldest = 0 } = found.get(queue) ?? {}
      const numbers = { waiting, retrying, running, oldest }
      const read = Object.entries(numbers).map(([name, value]) => [name, Number(value)])
      return { queue, ...(Object.fromEntries(read) as Omit<JobNumbers, 'queue'>) }
    })
  }

  /** Deletes the rows of processes that have not reported for 24 hours. What they counted stays in the totals. */
  async function purge(): Promise<void> {
    await queries.$executeRaw`DELETE FROM ${processes} WHERE "seen_at" < now() - interval '24 hours'`
  }

  return { add, read, readJobs, purge }
}

type CountRow = {
  of: 'count' | 'now'
  series: string | null
  value: bigint
  gauges: null
}
type ProcessRow = {
  of: string
  series: null
  value: bigint
  gauges: Record<string, number> | null
}
