import type pg from 'pg'
import type { SchemaNames } from '@/lib/config/schema-names'
import { retryConflicts } from '@/lib/database/errors'
import { createPipelinedTransactions, isBadValue } from '@/lib/database/pipelined-transactions'
import { createBatchLine, type BatchBounds } from '@/lib/database/batch-line'
import { createCountingStatement, readCounted, type Counted, type CountingEntry } from './counting-statement'

/** More than the requests that a web process lets begin at once; two batches leave connections to everything else. */
export const batchBounds: BatchBounds = { waiting: 1000, underWay: 2, perClient: 4, size: 100 }

/** Milliseconds; below the pool's own timeout, so that the server stops before the client gives up. */
const serverTimeouts = { statement: 6_000, lock: 4_000 }

export type Counter = ReturnType<typeof createCounter>

/**
 * Counts events, and stores the jobs of those that are allowed, in batches: what waits in this process goes to the database in
 * one transaction, and each caller continues after its commit.
 */
export function createCounter(
  {
    pool,
    schemas,
    sharedSession,
  }: { pool: pg.Pool; schemas: SchemaNames; sharedSession?: boolean | undefined },
  { bounds = batchBounds, timeouts = serverTimeouts } = {},
) {
  const { run } = createPipelinedTransactions({ pool, sharedSession }, timeouts)
  const statementOf = createCountingStatement(schemas)

  const count = (entries: CountingEntry[]): Promise<Counted[]> =>
    retryConflicts(async () => readCounted(await run(statementOf(entries))))

  async function countBatch(batch: CountingEntry[]): Promise<Promise<Counted>[]> {
    try {
      return (await count(batch)).map((counted) => Promise.resolve(counted))
    } catch (error) {
      // In doubt, or the database is unavailable: a second try could count and store twice, so nobody is accepted.
      if (batch.length === 1 || !isBadValue(error)) throw error
      return countOneByOne(batch)
    }
  }

  /** Runs a batch that was rolled back because of one of its entries again, in the same order; only that entry fails. */
  async function countOneByOne(batch: CountingEntry[]): Promise<Promise<Counted>[]> {
    const results: Promise<Counted>[] = []
    for (const entry of batch) {
      const result = count([entry]).then(([counted]) => counted!)
      results.push(result)
      await result.catch(() => undefined)
    }
    return results
  }

  const line = createBatchLine(countBatch, bounds)

  /**
   * Counts an entry.
   *
   * @param client its key, of an entry that a client causes
   * @returns once the transaction is committed
   * @throws LineFull if too many entries wait; what the database reports if it did not, or may not have, committed
   */
  return { count: (entry: CountingEntry, client?: string): Promise<Counted> => line.add(entry, client) }
}
