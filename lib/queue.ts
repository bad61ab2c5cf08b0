import type pg from 'pg'
import { fromPrisma, PgBoss, type Db, type QueueOptions } from 'pg-boss'
import { z } from 'zod'
import { isDatabaseAway, type Transaction } from './db'

/** The last second of the year 9999: far beyond any clock, and still a date. */
const latest = 253_402_300_799

const accountId = z.guid()
const origin = { locale: z.string(), requestId: z.string() }

/**
 * What each queue carries. A link is never in a job: the worker signs it when it sends. A job that has another shape was
 * not written by us; it is given up rather than retried until it is forgotten.
 */
export const shapes = {
  /** Somebody asked for a link. `pauseExempt`: whether a pause set by "this wasn't me" does not hold the letters back. */
  'send-links': z.object({
    asked: z.union([z.object({ login: z.string() }), z.object({ accountId })]),
    client: z.string(),
    pauseExempt: z.boolean(),
    ...origin,
  }),
  /** One account's letter with a link. `askedAt` in whole seconds since the epoch, by the database's clock. */
  'send-letter': z.object({
    accountId,
    askedAt: z.int().min(0).max(latest),
    pauseExempt: z.boolean(),
    ...origin,
  }),
  /**
   * The letter that tells of a new password; stored with it, so the job's creation is the time of the change. `email`: the
   * account's at that time; jobs of an older version have none.
   */
  'send-changed-letter': z.object({
    accountId,
    email: z.optional(z.string()),
    client: z.string(),
    ...origin,
  }),
  /** The team's own `passwordChanged`. */
  'tell-password-changed': z.object({ accountId, username: z.string(), requestId: z.string() }),
}

export type Jobs = { [Name in keyof typeof shapes]: z.infer<(typeof shapes)[Name]> }

export type QueueName = keyof Jobs

/**
 * How an attempt ended: done, to be tried again later, or never to be tried again. `unheard`: a letter may have left all the
 * same.
 */
export type Attempt =
  | { outcome: 'done' }
  | { outcome: 'later'; reason: string; unheard?: boolean | undefined }
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

/** An attempt ends before its job expires, and a mail server may take eleven minutes for a letter (lib/mailer.ts). */
const forMail = { expireInSeconds: 720 }

const queues: Record<QueueName, QueueOptions> = {
  'send-links': { ...common, deleteAfterSeconds: hour },
  'send-letter': { ...common, ...forMail },
  'send-changed-letter': { ...common, ...forMail, retentionSeconds: 8 * day },
  'tell-password-changed': { ...common, retentionSeconds: 8 * day },
}

export const queueNames = Object.keys(queues) as QueueName[]

/** pg-boss without its timers: for processes that only add jobs, and for checks. */
function passive(db: Db): PgBoss {
  return new PgBoss({ db, migrate: false, supervise: false, schedule: false, registerInstance: false })
}

function throughPool(pool: pg.Pool | pg.Client): Db {
  return { executeSql: (text, values) => pool.query(text, values as unknown[]) }
}

/**
 * Makes or updates the queue's schema and queues; run by `npm run migrate` only.
 *
 * @param url a role that may change the schema
 */
export async function installQueue(url: string): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  boss.on('error', () => undefined)
  await boss.start()
  try {
    const notify = await canNotify(boss.getDb())
    for (const name of queueNames) {
      await boss.createQueue(name, { ...queues[name], notify })
      await boss.updateQueue(name, { ...queues[name], notify })
    }
  } finally {
    await boss.stop({ graceful: false })
  }
}

/** Whether the queue's schema is there, in the version that this code speaks, with all its queues. */
export async function queueIsCurrent(client: pg.Client): Promise<boolean> {
  const boss = passive(throughPool(client))
  boss.on('error', () => undefined)
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

/** The embedded database shares one session between its clients, so notifications cannot reach one of them. */
export async function canNotify(db: Db): Promise<boolean> {
  const { rows } = await db.executeSql(`SELECT version() LIKE '%PGlite%' AS "embedded"`)
  return (rows as { embedded: boolean }[])[0]?.embedded !== true
}

export type Queue = ReturnType<typeof createQueue>

/** Adds jobs. Opens itself on first use, and again on the next one when the database was away. */
export function createQueue(pool: pg.Pool) {
  let opening: Promise<PgBoss> | undefined

  /** Opens the queue and reads what it knows of its queues. */
  async function open(): Promise<PgBoss> {
    const boss = passive(throughPool(pool))
    boss.on('error', () => undefined)
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
