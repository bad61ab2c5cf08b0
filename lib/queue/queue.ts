import { randomUUID } from 'node:crypto'
import type { Database, Transaction } from '@/lib/database/pool'
import { jobInsertCtes } from './job-insert'
import type { JobData, QueueName } from './job-data'

/**
 * How an attempt at a job ended: `later` is to be retried, `never` is not. `reason`: a code. `maybeDelivered`: the email may have been
 * delivered although the attempt failed. `isCostly`: the job gets only a few such attempts (`maxCostlyAttempts`).
 */
export type AttemptResult =
  | { outcome: 'done' }
  | { outcome: 'later'; reason: string; maybeDelivered?: boolean | undefined; isCostly?: true }
  | { outcome: 'never'; reason: string }

/** `createdAt` is by the database's clock. `attempt` starts at 1. */
export type QueuedJob<Name extends QueueName> = {
  id: string
  data: JobData[Name]
  createdAt: Date
  attempt: number
}

export type Queue = ReturnType<typeof createQueue>

export function createQueue({ queries, schemas }: Pick<Database, 'queries' | 'schemas'>) {
  /**
   * Stores a job; with `tx`, as a part of that transaction.
   *
   * @param id if a job with this id exists, it stays as it is
   * @param afterSeconds the least seconds that the job waits before a worker takes it
   */
  async function add<Name extends QueueName>(
    name: Name,
    data: JobData[Name],
    { tx = queries, id, afterSeconds = 0 }: { tx?: Transaction; id?: string; afterSeconds?: number } = {},
  ): Promise<void> {
    const text = `
      WITH "entry" AS (SELECT 1 AS "at", $1::uuid AS "job_id", $2::text AS "job_data"),
      ${jobInsertCtes(schemas, name, '"entry"', {
        startAfterSql: `now() + $3::int * interval '1 second'`,
        isIdempotent: id !== undefined,
      })}
      SELECT count(*) FROM "notified"`
    // eslint-disable-next-line no-restricted-syntax -- the text has no values in it, and the schema's name is checked and quoted
    await tx.$queryRawUnsafe(text, id ?? randomUUID(), JSON.stringify(data), afterSeconds)
  }

  return { add }
}

/** The most connections of a worker's queue, including the one for LISTEN. */
export const queueConnections = 5

export type JobHandlers = { [Name in QueueName]: (work: QueuedJob<Name>) => Promise<AttemptResult> }
