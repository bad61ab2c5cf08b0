import type pg from 'pg'
import type { SchemaNames } from '@/lib/config/schema-names'
import { retryConflicts } from '@/lib/database/errors'
import { createPipelinedTransactions, serverTimeouts } from '@/lib/database/pipelined-transactions'
import type { BatchBounds } from '@/lib/database/batch-queue'
import { createStatementQueue } from '@/lib/database/statement-queue'
import {
  createCountAndQueueStatement,
  readCounted,
  type Counted,
  type CountingEntry,
} from './counting-statement'

/** `waiting` is above the number of requests in progress (`admissionLimits`). Few batches run at once: others need the pool, too. */
export const batchBounds: BatchBounds = { waiting: 1000, underWay: 2, perClient: 4, size: 100 }

/** Creates the counter of rate limits, which also stores the jobs of allowed events. Waiting entries share a transaction. */
export function createCounter(
  {
    pool,
    schemas,
    sharedSession,
  }: { pool: pg.Pool; schemas: SchemaNames; sharedSession?: boolean | undefined },
  { bounds = batchBounds, timeouts = serverTimeouts } = {},
) {
  const { run } = createPipelinedTransactions({ pool, sharedSession }, timeouts)
  const statementOf = createCountAndQueueStatement(schemas)

  const count = (entries: CountingEntry[]): Promise<Counted[]> =>
    retryConflicts(async () => readCounted(await run(statementOf(entries))))

  const queue = createStatementQueue(count, bounds)

  /**
   * @param client the key of the client that causes the entry, if a single client does
   * @throws BatchQueueFull if too many entries wait; an error of the database, after which the transaction may have been committed
   */
  return { count: (entry: CountingEntry, client?: string): Promise<Counted> => queue.add(entry, client) }
}
