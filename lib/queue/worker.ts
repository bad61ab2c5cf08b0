import type pg from 'pg'
import { PgBoss, type ConstructorOptions, type JobResult, type JobWithMetadata } from 'pg-boss'
import { z } from 'zod'
import type { AuditFacts } from '@/lib/audit/audit'
import { retryConflicts } from '@/lib/database/errors'
import type { Log } from '@/lib/logging/log'
import { probeNotifications } from './notifications'
import {
  queueConnections,
  queueNames,
  jobSchemas,
  type Attempt,
  type Handlers,
  type Jobs,
  type QueueName,
} from './queue'
import { quoted, type Schemas } from '@/lib/config/schema-names'

/**
 * Jobs that are fetched together. Whoever fetches one at a time waits for the next notification or poll after each, so
 * that a backlog would go by a handful every fifteen seconds; of two or more, a full batch says that there is more.
 */
const batchSize = 2

/** Milliseconds between the end of an attempt and the time when its job expires, to write down how it ended. */
const settling = 30_000

/** Milliseconds before the end of its retention at which a job is tried for the last time. */
const aDay = 24 * 3600 * 1000

/**
 * Attempts of one job that may each have left a letter. A mail server that takes letters and is silent, or breaks off, gets
 * no more. Where it breaks off at once, they take a quarter of an hour: longer than it takes to start again.
 */
export const maxAttemptsInDoubt = 8

type Job = JobWithMetadata<Jobs[QueueName]>

export type WorkerParts = {
  database: { url: string; schemas: Schemas }
  log: Log
  /** Jobs of one kind handled at once in this process. */
  concurrency: number
  /** Told of a job that is given up, whose failure its handler does not know. Must not throw. */
  givenUp: (facts: AuditFacts) => Promise<void>
  /** Told of a job that no version of Rekey like this one wrote. */
  malformed?: (queue: QueueName) => void
}

/**
 * Takes jobs and hands them to the handlers until stopped. A handler that throws or takes too long is tried again later.
 *
 * @returns a function that takes no more jobs, waits for those in hand and hands back what it could not finish
 */
export async function startQueueWorker(parts: WorkerParts, handlers: Handlers): Promise<() => Promise<void>> {
  const { log, concurrency } = parts
  const { url, schemas } = parts.database
  const options: ConstructorOptions & pg.PoolConfig = {
    connectionString: url,
    schema: schemas.queue,
    max: queueConnections - 1,
    // What else is here goes to the connections. One on which nothing moves would otherwise be waited on for ever; the time
    // leaves room for what a large queue takes to be cleared.
    query_timeout: 30_000,
    keepAlive: true,
    migrate: false,
    schedule: false,
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
    maintenanceIntervalSeconds: 3600,
    instanceName: 'worker',
    // Rebuilding indexes needs the owner of the schema, which the worker's role should not be.
    reindex: false,
  }
  const { notificationsArrive, pollingSeconds } = await probeNotifications(url)
  if (!notificationsArrive)
    log.info({ event: 'queue_polled', pollingSeconds }, 'notifications do not reach the worker')

  const boss = new PgBoss({ ...options, useListenNotify: notificationsArrive })
  boss.on('error', (error) => log.warn({ err: error, event: 'queue_error' }))
  boss.on('warning', ({ message }) => log.warn({ event: 'queue_warning', reason: message }))
  retryStatements(boss)
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
        pollingIntervalSeconds: pollingSeconds,
        notifyPollingIntervalSeconds: 15,
        heartbeatRefreshSeconds: 5,
      },
      async (jobs: Job[]) => {
        const times = readTimes(boss, schemas, jobs)
        return Promise.all(
          jobs.map(async (job) => {
            const handle = handlers[name] as (work: unknown) => Promise<Attempt>
            const result = await attempt({ job, times }, handle, parts)
            if (jobs.length > 1) await settle(boss, job, result)
            return result
          }),
        )
      },
    )
  }
  return () => boss.stop({ graceful: true, timeout: 20_000 })
}

/** Has pg-boss repeat a statement after a conflict: one that ends a job and is lost would have the job done again. */
function retryStatements(boss: PgBoss): void {
  const db = boss.getDb()
  const execute = db.executeSql.bind(db)
  db.executeSql = (...args: Parameters<typeof execute>) => retryConflicts(() => execute(...args))
}

/** When a job was created, and how long it will be kept, by the database's clock. */
type JobTimes = { createdAt: Date; /** Milliseconds. */ keptFor: number }

/** Reads as numbers what pg-boss selects as text, which a session's TimeZone and DateStyle would change. */
async function readTimes(boss: PgBoss, { queue }: Schemas, jobs: Job[]): Promise<Map<string, JobTimes>> {
  const { rows } = await boss.getDb().executeSql(
    `SELECT "id", floor(extract(epoch FROM "created_on") * 1000)::bigint AS "createdAt",
            floor(extract(epoch FROM "keep_until" - now()) * 1000)::bigint AS "keptFor"
       FROM ${quoted(queue)}."job" WHERE "name" = $1 AND "id" = ANY ($2::uuid[])`,
    [jobs[0]!.name, jobs.map(({ id }) => id)],
  )
  return new Map(
    (rows as { id: string; createdAt: string; keptFor: string }[]).map(({ id, createdAt, keptFor }) => [
      id,
      { createdAt: new Date(Number(createdAt)), keptFor: Number(keptFor) },
    ]),
  )
}

/**
 * Writes down how a job ended while others of its batch go on: what is not written down is done again after a crash. pg-boss
 * does it once more for the whole batch, also where it failed here, and leaves alone what is settled. What is given up waits
 * for the batch: pg-boss has no call for it.
 */
async function settle(boss: PgBoss, job: Job, { status, output }: JobResult): Promise<void> {
  try {
    if (status === 'completed') await boss.complete(job.name, job)
    if (status === 'failed') await boss.fail(job.name, job, output)
  } catch {
    // The database is away; the batch's own turn comes.
  }
}

async function attempt(
  { job, times }: { job: Job; times: Promise<Map<string, JobTimes>> },
  handle: (work: unknown) => Promise<Attempt>,
  { log, givenUp, malformed }: WorkerParts,
): Promise<JobResult> {
  const { id, name: queue, retryCount, retryLimit } = job
  const { success, data } = jobSchemas[queue as QueueName].safeParse(job.data)
  if (!success) {
    log.error({ event: 'job_malformed', queue, jobId: id })
    malformed?.(queue as QueueName)
    return { id, status: 'deadletter', output: { reason: 'malformed' } }
  }
  const about = { queue, jobId: id, requestId: data.requestId, attempt: retryCount + 1 }
  let keptFor = Infinity
  const work = async () => {
    const time = (await times).get(id)
    if (time === undefined) throw new Error('The job is gone.')
    keptFor = time.keptFor
    return handle({ id, data, createdAt: time.createdAt, attempt: about.attempt })
  }
  const ended = await inTime(job, work, about, log)
  if (ended.outcome === 'done') return { id, status: 'completed' }
  const { reason } = ended
  // 'deadletter' ends a job at once; 'failed' has it tried again.
  if (ended.outcome === 'never') return { id, status: 'deadletter', output: { reason } }

  const maybeDelivered = maybeDeliveredBefore(job) + (ended.maybeDelivered === true ? 1 : 0)
  const output = { reason, maybeDelivered }
  const isLast = retryCount >= retryLimit || keptFor < aDay
  if (!isLast && maybeDelivered < maxAttemptsInDoubt) return { id, status: 'failed', output }
  log.error({ event: 'job_given_up', ...about, reason })
  await givenUp({ accountId: accountOf(data), requestId: data.requestId, reason: `${queue} ${reason}` })
  return { id, status: 'deadletter', output }
}

/** Runs a handler. What is late goes on, since nothing can stop it, but is waited for no longer. */
async function inTime(
  { name, expireInSeconds }: Job,
  handle: () => Promise<Attempt>,
  about: object,
  log: Log,
): Promise<Attempt> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(resolve, expireInSeconds * 1000 - settling, 'late')
  try {
    const ended = await Promise.race([handle(), late])
    if (ended !== 'late') return ended
    log.error({ event: 'job_late', ...about, reason: 'deadline' })
    return { outcome: 'later', reason: 'deadline', maybeDelivered: name.endsWith('email') }
  } catch (error) {
    log.error({ err: error, event: 'job_error', ...about })
    return { outcome: 'later', reason: 'error' }
  } finally {
    clearTimeout(timer)
  }
}

/** How often a letter may have left already. A worker that died at it has not written that down. */
function maybeDeliveredBefore({ output }: Job): number {
  return z.object({ maybeDelivered: z.int() }).safeParse(output).data?.maybeDelivered ?? 0
}

function accountOf(data: Jobs[QueueName]): string | undefined {
  const named = 'target' in data ? data.target : data
  return 'accountId' in named ? named.accountId : undefined
}
