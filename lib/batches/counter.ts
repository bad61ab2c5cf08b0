import type pg from 'pg'
import type { SchemaNames } from '@/lib/config/schema-names'
import { retryConflicts } from '@/lib/database/errors'
import { createPipelinedTransactions, serverTimeouts } from '@/lib/database/pipelined-transactions'
import type { BatchBounds } from '@/lib/database/batch-queue'
import { createStatementQueue } from '@/lib/database/statement-queue'
import { createCountingStatement, readCounted, type Counted, type CountingEntry } from './counting-statement'

/**
 * More entries may wait than a web process has requests in progress (`admissionLimits`), so that none is rejected. At most two batches
 * at a time leave eight of the pool's ten connections (the default of DATABASE_POOL_SIZE) to other work.
 */
export const batchBounds: BatchBounds = { waiting: 1000, underWay: 2, perClient: 4, size: 100 }

export type Counter = ReturnType<typeof createCounter>

/**
 * Creates the counter of rate limits. It also stores the jobs of allowed events. Entries that wait in this process share a
 * transaction, and each caller continues after its commit.
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

  const queue = createStatementQueue(count, bounds)

  /**
   * Counts an entry.
   *
   * @param client the key of the client that causes the entry; undefined if no single client does
   * @returns after the commit: the count that decided
   * @throws BatchQueueFull if too many entries wait; the database's error if the transaction was rolled back or is in doubt
   */
  return { count: (entry: CountingEntry, client?: string): Promise<Counted> => queue.add(entry, client) }
}
