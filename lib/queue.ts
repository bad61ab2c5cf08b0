import type pg from 'pg'
import {
  fromPrisma,
  PgBoss,
  type ConstructorOptions,
  type Db,
  type JobWithMetadata,
  type QueueOptions,
} from 'pg-boss'
import { z } from 'zod'
import { isDatabaseAway, type Transaction } from './db'
import type { Log } from './log'

/** The last second of the year 9999: far beyond any clock, and still a date. */
const latest = 253_402_300_799

const accountId = z.guid()
const origin = { locale: z.string(), requestId: z.string() }

/**
 * What each queue carries. A link is never in a job: the worker signs it when it sends. A job that has another shape was
 * not written by us; it is given up rather than retried until it is forgotten.
 */
const shapes = {
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
  /** The letter that tells of a new password; stored with it, so the job's creation is the time of the change. */
  'send-changed-letter': z.object({ accountId, client: z.string(), ...origin }),
  /** The team's own `passwordChanged`. */
  'tell-password-changed': z.object({ accountId, username: z.string(), requestId: z.string() }),
}

export type Jobs = { [Name in keyof typeof shapes]: z.infer<(typeof shapes)[Name]> }

export type QueueName = keyof Jobs

/** How an attempt ended: done, to be tried again later, or never to be tried again. */
export type Attempt =
  { outcome: 'done' } | { outcome: 'later'; reason: string } | { outcome: 'never'; reason: string }

/** A job as a worker gets it. */
export type Work<Name extends QueueName> = { id: string; data: Jobs[Name]; createdAt: Date; attempt: number }

const hour = 3600
const day = 24 * hour

/**
 * The retry limit is only a backstop: a letter's own deadline ends its attempts. A worker that dies is noticed by its
 * missing heartbeat; finished jobs go within a day, because typed logins are personal data.
 */
const common: QueueOptions = {
  retryLimit: 1000,
  retryDelay: 15,
  retryBackoff: true,
  retryDelayMax: 300,
  expireInSeconds: 90,
  heartbeatSeconds: 20,
  deleteAfterSeconds: 12 * hour,
  retentionSeconds: 2 * day,
}

const queues: Record<QueueName, QueueOptions> = {
  'send-links': common,
  'send-letter': common,
  'send-changed-letter': { ...common, retentionSeconds: 7 * day },
  'tell-password-changed': { ...common, retentionSeconds: 7 * day },
}

const queueNames = Object.keys(queues) as QueueName[]

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
async function canNotify(db: Db): Promise<boolean> {
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

/**
 * Jobs that are fetched together. Whoever fetches one at a time waits for the next notification or poll after each, so
 * that a backlog would go by a handful every fifteen seconds; of two or more, a full batch says that there is more.
 */
const batchSize = 2

/** How many a worker holds for its jobs, one of them to hear of new ones. */
export const queueConnections = 5

export type Handlers = { [Name in QueueName]: (work: Work<Name>) => Promise<Attempt> }

/**
 * Takes jobs and hands them to the handlers until stopped. A handler that throws is tried again later.
 *
 * @param concurrency jobs of one kind handled at once in this process
 * @returns a function that takes no more jobs, waits for those in hand and hands back what it could not finish
 */
export async function startQueueWorker(
  { url, log, concurrency }: { url: string; log: Log; concurrency: number },
  handlers: Handlers,
): Promise<() => Promise<void>> {
  const options: ConstructorOptions & pg.PoolConfig = {
    connectionString: url,
    max: queueConnections - 1,
    // What else is here goes to the connections. One on which nothing moves would otherwise be waited on for ever; the time
    // leaves room for what a large queue takes to be cleared.
    query_timeout: 30_000,
    keepAlive: true,
    migrate: false,
    schedule: false,
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
    maintenanceIntervalSeconds: hour,
    useListenNotify: true,
    instanceName: 'worker',
    // Rebuilding indexes needs the owner of the schema, which the worker's role should not be.
    reindex: false,
  }
  const probe = new PgBoss({ ...options, supervise: false, registerInstance: false, useListenNotify: false })
  probe.on('error', () => undefined)
  await probe.start({ attempts: 5 })
  const notify = await canNotify(probe.getDb())
  await probe.stop({ graceful: false })

  const boss = new PgBoss({ ...options, useListenNotify: notify })
  boss.on('error', (error) => log.warn({ err: error, event: 'queue_error' }))
  boss.on('warning', ({ message }) => log.warn({ event: 'queue_warning', reason: message }))
  await boss.start({ attempts: 5 })

  for (const name of queueNames) {
    await boss.work(
      name,
      {
        includeMetadata: true,
        perJobResults: true,
        localConcurrency: Math.ceil(concurrency / batchSize),
        batchSize,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: notify ? 2 : 0.5,
        notifyPollingIntervalSeconds: 15,
        heartbeatRefreshSeconds: 5,
      },
      async (jobs: JobWithMetadata<Jobs[QueueName]>[]) =>
        Promise.all(
          jobs.map((job) => attempt(job, handlers[name] as (work: unknown) => Promise<Attempt>, log)),
        ),
    )
  }
  return () => boss.stop({ graceful: true, timeout: 20_000 })
}

async function attempt(
  job: JobWithMetadata<Jobs[QueueName]>,
  handle: (work: unknown) => Promise<Attempt>,
  log: Log,
) {
  const { id, name: queue, createdOn, retryCount } = job
  const { success, data } = shapes[queue as QueueName].safeParse(job.data)
  if (!success) {
    log.error({ event: 'job_malformed', queue, jobId: id })
    return { id, status: 'deadletter' as const, output: { reason: 'malformed' } }
  }
  try {
    const ended = await handle({ id, data, createdAt: createdOn, attempt: retryCount + 1 })
    if (ended.outcome === 'done') return { id, status: 'completed' as const }
    // 'deadletter' ends a job at once; 'failed' has it tried again.
    return {
      id,
      status: ended.outcome === 'never' ? ('deadletter' as const) : ('failed' as const),
      output: { reason: ended.reason },
    }
  } catch (error) {
    log.error({
      err: error,
      event: 'job_error',
      queue,
      jobId: id,
      requestId: data.requestId,
      attempt: retryCount + 1,
    })
    return { id, status: 'failed' as const, output: { reason: 'error' } }
  }
}
