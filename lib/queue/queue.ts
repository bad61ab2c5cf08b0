import pg from 'pg'
import { fromPrisma, PgBoss, type Db, type QueueOptions } from 'pg-boss'
import { isDatabaseUnavailable } from '@/lib/database/errors'
import type { Database, Transaction } from '@/lib/database/pool'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import type { JobData, QueueName } from './job-data'

/**
 * How an attempt at a job ended: done, to be retried later, or never to be retried. `reason`: a code. `maybeDelivered`: the email may
 * have left although the attempt failed. `isCostly`: the attempt was a burden to the database, so only a few are made
 * (`maxCostlyAttempts`).
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

const hour = 3600
const day = 24 * hour

/**
 * The options of a queue, unless it has its own. `retentionSeconds`: pg-boss silently deletes an unfinished job of this age, so the worker gives it up
 * when less than a day is left, or after `retryLimit` retries. `expireInSeconds` can be long, because a missing heartbeat reveals a
 * dead worker. `deleteAfterSeconds`: finished jobs are deleted within a day, because logins are personal data.
 */
const common: QueueOptions = {
  retryLimit: 10_000,
  retryDelay: 15,
  retryBackoff: true,
  retryDelayMax: 300,
  expireInSeconds: 90,
  heartbeatSeconds: 20,
  deleteAfterSeconds: 12 * hour,
  retentionSeconds: 2 * day,
}

/** Longer than the eleven minutes of an attempt to send an email (`attemptDeadlineMs` in lib/mail/smtp-options.ts). */
const forMail = { expireInSeconds: 720 }

const queues: Record<QueueName, QueueOptions> = {
  'link-request': { ...common, deleteAfterSeconds: hour },
  'link-email': { ...common, ...forMail },
  'changed-email': { ...common, ...forMail, retentionSeconds: 8 * day },
  'changed-hook': { ...common, retentionSeconds: 8 * day },
}

/** The names of all queues. */
export const queueNames = Object.keys(queues) as QueueName[]

/** Creates a pg-boss that does no maintenance, for processes that only add jobs, and for checks. */
function passive(db: Db, { queue }: SchemaNames): PgBoss {
  const boss = new PgBoss({
    db,
    schema: queue,
    migrate: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  boss.on('error', () => undefined)
  return boss
}

function throughPool(pool: pg.Pool | pg.Client): Db {
  return { executeSql: (text, values) => pool.query(text, values as unknown[]) }
}

/** Returns the comment on pg-boss's table `version` that marks it as this installation's, not another application's. */
const ownerOf = ({ own }: SchemaNames) => `The queue of Rekey in the schema ${own}`

/**
 * Creates or updates the tables of pg-boss and Rekey's queues in them. Only `migrate` calls it, after its checks.
 *
 * @param url its role needs CREATE on the queue's schema, which must exist
 */
export async function installQueue(url: string, schemas: SchemaNames): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    schema: schemas.queue,
    createSchema: false,
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  boss.on('error', () => undefined)
  await boss.start()
  try {
    await boss
      .getDb()
      .executeSql(
        `COMMENT ON TABLE ${quoteSchema(schemas.queue)}."version" IS ${pg.escapeLiteral(ownerOf(schemas))}`,
      )
    for (const name of queueNames) {
      const options = { ...queues[name], notify: true }
      await boss.createQueue(name, options)
      await boss.updateQueue(name, options)
    }
  } finally {
    await boss.stop({ graceful: false })
  }
}

/** Finds out whose tables are in the queue's schema: this installation's or another application's; `none` if there are none. */
export async function queueOwner(
  client: pg.Client,
  schemas: SchemaNames,
): Promise<'none' | 'rekey' | 'another application'> {
  const { rows } = await client.query<{ name: string; comment: string | null }>(
    `SELECT c.relname AS "name", obj_description(c.oid, 'pg_class') AS "comment"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schemas.queue],
  )
  if (rows.length === 0) return 'none'
  const version = rows.find(({ name }) => name === 'version')
  return version?.comment === ownerOf(schemas) ? 'rekey' : 'another application'
}

/**
 * Whether this installation's tables of pg-boss exist, in the version that this Rekey needs, with all queues.
 *
 * @throws if the database is unavailable
 */
export async function queueIsCurrent(client: pg.Client, schemas: SchemaNames): Promise<boolean> {
  if ((await queueOwner(client, schemas)) !== 'rekey') return false
  const boss = passive(throughPool(client), schemas)
  try {
    await boss.start()
    return (await boss.getQueues(queueNames)).length === queueNames.length
  } catch (error) {
    if (isDatabaseUnavailable(error)) throw error
    return false
  } finally {
    await boss.stop({ graceful: false, close: false }).catch(() => undefined)
  }
}

export type Queue = ReturnType<typeof createQueue>

/** Creates the producer of jobs. Its first use opens it; if that fails, the next use opens it again. */
export function createQueue({ pool, schemas }: Pick<Database, 'pool' | 'schemas'>) {
  let opening: Promise<PgBoss> | undefined

  async function connect(): Promise<PgBoss> {
    const boss = passive(throughPool(pool), schemas)
    await boss.start()
    return boss
  }

  /**
   * Opens the queue, so that `add` needs only the connection of its transaction. Call it before a transaction starts: in the embedded
   * database all clients share one session, so a second connection would wait forever for the end of the transaction.
   *
   * @throws if the database is unavailable
   */
  async function open(): Promise<PgBoss> {
    opening ??= connect()
    try {
      return await opening
    } catch (error) {
      opening = undefined
      throw error
    }
  }

  /**
   * Stores a job. With `tx` it is committed with that transaction; without, when the promise resolves.
   *
   * @param id makes the call idempotent: an existing job of this id stays as it is
   * @param afterSeconds how long the job waits at least before a worker takes it
   * @throws if the database is unavailable
   */
  async function add<Name extends QueueName>(
    name: Name,
    data: JobData[Name],
    { tx, id, afterSeconds }: { tx?: Transaction; id?: string; afterSeconds?: number } = {},
  ): Promise<void> {
    const boss = await open()
    await boss.send(name, data, {
      ...(tx && { db: fromPrisma(tx) }),
      ...(id !== undefined && { id }),
      ...(afterSeconds !== undefined && { startAfter: afterSeconds }),
    })
  }

  /** Stops the timers of pg-boss, which would keep the process of a command alive. The pool stays open. */
  async function close(): Promise<void> {
    const boss = await opening?.catch(() => undefined)
    await boss?.stop({ graceful: false, close: false })
  }

  return { add, open, close }
}

/** The most connections of a worker's queue, including the one for LISTEN. */
export const queueConnections = 5

/** The handlers of jobs, by queue. An error that one throws is logged, and its job is retried. */
export type JobHandlers = { [Name in QueueName]: (work: QueuedJob<Name>) => Promise<AttemptResult> }
