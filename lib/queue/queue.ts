import pg from 'pg'
import { fromPrisma, PgBoss, type Db, type QueueOptions } from 'pg-boss'
import { z } from 'zod'
import { isDatabaseAway } from '@/lib/database/errors'
import type { Database, Transaction } from '@/lib/database/pool'
import { quoted, type Schemas } from '@/lib/config/schema-names'

/** The last second of the year 9999: far beyond any clock, and still a date. */
const latest = 253_402_300_799

const accountId = z.string().min(1).max(255)
const origin = { locale: z.string(), requestId: z.string() }

/**
 * What each queue carries. A link is never in a job: the worker signs it when it sends. A job of another form was not
 * written by Rekey; it is given up rather than retried until it is forgotten.
 */
export const jobSchemas = {
  /** A link was requested. `bypassPause`: a pause set by "this wasn't me" does not hold the emails back. */
  'link-request': z.object({
    target: z.union([z.object({ login: z.string() }), z.object({ accountId })]),
    client: z.string(),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /** One account's email with a link. `requestedAt` in whole seconds since the epoch, by the database's clock. */
  'link-email': z.object({
    accountId,
    requestedAt: z.int().min(0).max(latest),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /**
   * The email about a new password; stored with it, so the job's creation is the time of the change. `email`: the
   * account's at that time.
   */
  'changed-email': z.object({
    accountId,
    email: z.string(),
    client: z.string(),
    ...origin,
  }),
  /** The team's own `passwordChanged`. */
  'changed-hook': z.object({ accountId, username: z.string(), requestId: z.string() }),
}

export type Jobs = { [Name in keyof typeof jobSchemas]: z.infer<(typeof jobSchemas)[Name]> }

export type QueueName = keyof Jobs

/**
 * How an attempt ended: done, to be tried again later, or never to be tried again. `maybeDelivered`: a letter may have left all the
 * same.
 */
export type Attempt =
  | { outcome: 'done' }
  | { outcome: 'later'; reason: string; maybeDelivered?: boolean | undefined }
  | { outcome: 'never'; reason: string }

/** A job as a worker gets it. */
export type Work<Name extends QueueName> = { id: string; data: Jobs[Name]; createdAt: Date; attempt: number }

const hour = 3600
const day = 24 * hour

/**
 * A job is tried until a day before the end of its retention, when the queue would delete it without a word; the retry
 * limit is only a backstop. A worker that dies is noticed by its missing heartbeat, so that a job may take long; finished
 * jobs go within a day, because typed logins are personal data.
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

/** An attempt ends before its job expires, and a mail server may take eleven minutes for a letter (lib/mail/mailer.ts). */
const forMail = { expireInSeconds: 720 }

const queues: Record<QueueName, QueueOptions> = {
  'link-request': { ...common, deleteAfterSeconds: hour },
  'link-email': { ...common, ...forMail },
  'changed-email': { ...common, ...forMail, retentionSeconds: 8 * day },
  'changed-hook': { ...common, retentionSeconds: 8 * day },
}

export const queueNames = Object.keys(queues) as QueueName[]

/** pg-boss without its timers: for processes that only add jobs, and for checks. */
function passive(db: Db, { queue }: Schemas): PgBoss {
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

/** Stands on a table of the queue and says whose it is, so that another application's queue is never taken for it. */
const ownerOf = ({ own }: Schemas) => `The queue of Rekey in the schema ${own}`

/**
 * Makes or updates the queue's tables and queues; run by `npm run migrate` only, after its checks.
 *
 * @param url a role that may create in the queue's schema, which must exist
 */
export async function installQueue(url: string, schemas: Schemas): Promise<void> {
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
        `COMMENT ON TABLE ${quoted(schemas.queue)}."version" IS ${pg.escapeLiteral(ownerOf(schemas))}`,
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

/** What stands in the queue's schema: nothing yet, this installation's queue, or somebody else's tables. */
export async function queueOwner(
  client: pg.Client,
  schemas: Schemas,
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

/** Whether this installation's queue is there, in the version that this code speaks, with all its queues. */
export async function queueIsCurrent(client: pg.Client, schemas: Schemas): Promise<boolean> {
  if ((await queueOwner(client, schemas)) !== 'rekey') return false
  const boss = passive(throughPool(client), schemas)
  try {
    await boss.start()
    return (await boss.getQueues(queueNames)).length === queueNames.length
  } catch (error) {
    if (isDatabaseAway(error)) throw error
    return false
  } finally {
    await boss.stop({ graceful: false, close: false }).catch(() => undefined)
  }
}

export type Queue = ReturnType<typeof createQueue>

/** Adds jobs. Opens itself on first use, and again on the next one when the database was away. */
export function createQueue({ pool, schemas }: Pick<Database, 'pool' | 'schemas'>) {
  let opening: Promise<PgBoss> | undefined

  /** Opens the queue and reads what it knows of its queues. */
  async function open(): Promise<PgBoss> {
    const boss = passive(throughPool(pool), schemas)
    await boss.start()
    return boss
  }

  /**
   * Makes sure that `add` needs no connection but its transaction's. To be called before a transaction begins: on the
   * embedded database a second connection would wait for the first for ever.
   *
   * @throws when the database is away
   */
  async function ready(): Promise<PgBoss> {
    opening ??= open()
    try {
      return await opening
    } catch (error) {
      opening = undefined
      throw error
    }
  }

  /**
   * Stores a job. When the promise resolves outside a transaction, the job is committed; within `tx` it is committed
   * with everything else of `tx`.
   *
   * @param id makes the call repeatable: a job that exists already under this id is left alone
   * @throws when the database is away
   */
  async function add<Name extends QueueName>(
    name: Name,
    data: Jobs[Name],
    { tx, id }: { tx?: Transaction; id?: string } = {},
  ): Promise<void> {
    const boss = await ready()
    await boss.send(name, data, { ...(tx && { db: fromPrisma(tx) }), ...(id !== undefined && { id }) })
  }

  return { add, ready }
}

/** How many a worker holds for its jobs, one of them to hear of new ones. */
export const queueConnections = 5

export type Handlers = { [Name in QueueName]: (work: Work<Name>) => Promise<Attempt> }
