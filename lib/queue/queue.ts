import { randomUUID } from 'node:crypto'
import type { Database, Transaction } from '@/lib/database/pool'
import { jobInsertCtes } from './job-insert'
import type { JobData, QueueName } from './job-data'

/**
 * How an attempt at a job ended: done, to be retried later, or never to be retried. `reason`: a code. `maybeDelivered`: the email may
 * have been delivered although the attempt failed. `isCostly`: the attempt took much of the database's time, so a job gets only a few
 * such attempts (`maxCostlyAttempts`).
 */
export type AttemptResult =
  | { outcome: 'done' }
  | { outcome: 'later'; reason: string; maybeDelivered?: boolean | undefined; isCostly?: true }
  | { outcome: 'never'; reason: string }

/** A job as its handler receives it. `createdAt` is by the database's clock, and `attempt` starts at 1. */
export type QueuedJob<Name extends QueueName> = {
  id: string
  data: JobData[Name]
  createdAt: Date
  attempt: number
}

export type Queue = ReturnType<typeof createQueue>

export function createQueue({ queries, schemas }: Pick<Database, 'queries' | 'schemas'>) {
  /**
   * Stores a job. With `tx`, the job is committed with that transaction; otherwise, before the promise resolves.
   *
   * @param id makes the call idempotent: an existing job of this id stays as it is
   * @param afterSeconds the least seconds that the job waits before a worker takes it
   * @throws if the database is unavailable
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

/** The handlers of jobs, by queue. An error that one throws is logged, and its job is retried. */
export type JobHandlers = { [Name in QueueName]: (work: QueuedJob<Name>) => Promise<AttemptResult> }
