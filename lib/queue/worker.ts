import type pg from 'pg'
import { PgBoss, type ConstructorOptions, type JobResult, type JobWithMetadata } from 'pg-boss'
import { z } from 'zod'
import type { AuditFacts } from '@/lib/audit/audit'
import { retryConflicts } from '@/lib/database/errors'
import { runInRequestContext, type Log } from '@/lib/logging/log'
import { count, registerGauge } from '@/lib/metrics/count'
import { createFetchers } from './fetchers'
import { notificationsArrive } from './notifications'
import { jobSchemas, queueNames, type JobData, type QueueName } from './job-data'
import { queueConnections, type AttemptResult, type JobHandlers } from './queue'
import { createJobResultWriter } from './job-results'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'

/** Jobs per fetch by default. With one, pg-boss itself would wait for a notification or the next poll after each job. */
const usualBatch = 2

/** Seconds between two polls for jobs if notifications do not reach the worker. */
const pollingSeconds = 2

/** Milliseconds reserved before a job expires, to store the result of its attempt. */
const settleTime = 30_000

/** Milliseconds. A failed job that pg-boss will delete within this time is given up instead of retried. */
const lastRetryBefore = 24 * 3600 * 1000

/**
 * A job is given up after this many attempts that may each have delivered its email: a mail server that accepts emails and never replies
 * must not cause endless duplicates. Eight attempts take at least 17 minutes, in which the mail server can be restarted.
 */
export const maxAttemptsInDoubt = 8

/** A job is given up after this many costly attempts (`isCostly`). */
export const maxCostlyAttempts = 6

type Job = JobWithMetadata<JobData[QueueName]>

type WorkerParts = {
  database: { url: string; schemas: SchemaNames }
  log: Log
  /** The most jobs of each queue that run at once, rounded up to whole batches. A handler that exceeded its deadline no longer counts. */
  concurrency: Record<QueueName, number>
  /** Jobs per fetch, at least two. A larger batch costs the database less, but its slowest job delays the next fetch. */
  batchSizes?: Partial<Record<QueueName, number>>
  /** Called when a job is given up that would otherwise be retried. Must not throw. */
  givenUp: (facts: AuditFacts) => Promise<void>
  /** Called for a job that does not match its schema, and so fails for good. */
  malformed?: (queue: QueueName) => void
}

/**
 * Fetches jobs and calls their handlers until stopped.
 *
 * @returns a function that fetches no more jobs, waits up to 20 s for running ones, and returns unfinished ones to the queue
 * @throws if the database is unavailable
 */
export async function startQueueWorker(
  parts: WorkerParts,
  handlers: JobHandlers,
): Promise<() => Promise<void>> {
  const { log, concurrency, batchSizes = {} } = parts
  const { url, schemas } = parts.database
  const options: ConstructorOptions & pg.PoolConfig = {
    connectionString: url,
    schema: schemas.queue,
    max: queueConnections - 1,
    // For pg: a query on a stalled connection must end. The timeout is long, because one query of pg-boss may delete 10,000 jobs.
    query_timeout: 30_000,
    keepAlive: true,
    migrate: false,
    schedule: false,
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
    maintenanceIntervalSeconds: 3600,
    instanceName: 'worker',
    // REINDEX needs the owner of the tables, which the worker's role should not be.
    reindex: false,
  }
  const isNotified = await notificationsArrive(url)
  registerGauge('queue_polled', {}, () => Number(!isNotified))
  if (!isNotified)
    log.info({ event: 'queue_polled', pollingSeconds }, 'notifications do not reach the worker')

  const boss = new PgBoss({ ...options, useListenNotify: isNotified })
  boss.on('error', (error) => log.warn({ err: error, event: 'queue_error', requestId: undefined }))
  boss.on('warning', ({ message }) =>
    log.warn({ event: 'queue_warning', requestId: undefined, reason: message }),
  )
  retryStatements(boss)
  const work = createFetchers(boss)
  await boss.start({ attempts: 5 })

  const settle = createJobResultWriter(boss)
  for (const name of queueNames) {
    const batchSize = batchSizes[name] ?? usualBatch
    await work(
      name,
      {
        includeMetadata: true,
        perJobResults: true,
        localConcurrency: Math.ceil(concurrency[name] / batchSize),
        batchSize,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: pollingSeconds,
        notifyPollingIntervalSeconds: 5,
        heartbeatRefreshSeconds: 5,
      },
      async (jobs: Job[]) => {
        const times = readTimes(boss, schemas, jobs)
        let unfinished = jobs.length
        return Promise.all(
          jobs.map(async (job) => {
            const handle = handlers[name] as (work: unknown) => Promise<AttemptResult>
            const result = await attempt({ job, times }, handle, parts)
            unfinished -= 1
            // After the last job of the batch, pg-boss stores the remaining results.
            if (unfinished > 0) await settle(job, result)
            return result
          }),
        )
      },
    )
  }
  return () => boss.stop({ graceful: true, timeout: 20_000 })
}

/** Makes pg-boss retry a statement after a conflict: a job whose completion failed would run again. */
function retryStatements(boss: PgBoss): void {
  const db = boss.getDb()
  const execute = db.executeSql.bind(db)
  db.executeSql = (...args: Parameters<typeof execute>) => retryConflicts(() => execute(...args))
}

/** `keptFor`: the milliseconds until pg-boss deletes the job if it waits, by the database's clock. */
type JobTimes = { createdAt: Date; keptFor: number }

/** Reads the times of jobs as numbers: times as text depend on the session's TimeZone and DateStyle. */
async function readTimes(boss: PgBoss, { queue }: SchemaNames, jobs: Job[]): Promise<Map<string, JobTimes>> {
  const { rows } = await boss.getDb().executeSql(
    `SELECT "id", floor(extract(epoch FROM "created_on") * 1000)::bigint AS "createdAt",
            floor(extract(epoch FROM "keep_until" - now()) * 1000)::bigint AS "keptFor"
       FROM ${quoteSchema(queue)}."job" WHERE "name" = $1 AND "id" = ANY ($2::uuid[])`,
    [jobs[0]!.name, jobs.map(({ id }) => id)],
  )
  return new Map(
    (rows as { id: string; createdAt: string; keptFor: string }[]).map(({ id, createdAt, keptFor }) => [
      id,
      { createdAt: new Date(Number(createdAt)), keptFor: Number(keptFor) },
    ]),
  )
}

async function attempt(
  { job, times }: { job: Job; times: Promise<Map<string, JobTimes>> },
  handle: (work: unknown) => Promise<AttemptResult>,
  { log, givenUp, malformed }: WorkerParts,
): Promise<JobResult> {
  const { id, name: queue, retryCount, retryLimit } = job
  const { success, data } = jobSchemas[queue as QueueName].safeParse(job.data)
  if (!success) {
    count('job_errors', { queue: queue as QueueName })
    log.error({ event: 'job_malformed', queue, jobId: id })
    malformed?.(queue as QueueName)
    return { id, status: 'deadletter', output: { reason: 'malformed' } }
  }
  const context = { queue, jobId: id, requestId: data.requestId, attempt: retryCount + 1 }
  let keptFor = Infinity
  const work = async () => {
    const time = (await times).get(id)
    if (time === undefined) throw new Error('The job is gone.')
    keptFor = time.keptFor
    return handle({ id, data, createdAt: time.createdAt, attempt: context.attempt })
  }
  const ended = await runInRequestContext(data.requestId, () => runWithDeadline(job, work, context, log))
  if (ended.outcome === 'done') return { id, status: 'completed' }
  const { reason } = ended
  // 'deadletter' fails a job for good; 'failed' retries it.
  if (ended.outcome === 'never') return { id, status: 'deadletter', output: { reason } }

  const before = countsOf(job)
  const maybeDelivered = before.maybeDelivered + (ended.maybeDelivered === true ? 1 : 0)
  const costly = before.costly + (ended.isCostly === true ? 1 : 0)
  const output = { reason, maybeDelivered, ...(costly > 0 && { costly }) }
  const isLast = retryCount >= retryLimit || keptFor < lastRetryBefore || costly >= maxCostlyAttempts
  if (!isLast && maybeDelivered < maxAttemptsInDoubt) return { id, status: 'failed', output }
  count('jobs_given_up', { queue: queue as QueueName })
  log.error({ event: 'job_given_up', ...context, reason })
  await givenUp({ accountId: accountOf(data), requestId: data.requestId, reason: `${queue} ${reason}` })
  return { id, status: 'deadletter', output }
}

/** Runs a handler with a deadline. A late handler cannot be stopped, so it goes on. */
async function runWithDeadline(
  { name, expireInSeconds }: Job,
  handle: () => Promise<AttemptResult>,
  context: object,
  log: Log,
): Promise<AttemptResult> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(resolve, expireInSeconds * 1000 - settleTime, 'late')
  try {
    const ended = await Promise.race([handle(), late])
    if (ended !== 'late') return ended
    count('job_errors', { queue: name as QueueName })
    log.error({ event: 'job_late', ...context, reason: 'deadline' })
    return { outcome: 'later', reason: 'deadline', maybeDelivered: name.endsWith('email') }
  } catch (error) {
    count('job_errors', { queue: name as QueueName })
    log.error({ err: error, event: 'job_error', ...context })
    return { outcome: 'later', reason: 'error' }
  } finally {
    clearTimeout(timer)
  }
}

const storedCounts = z.object({
  maybeDelivered: z.int().catch(0),
  costly: z.int().catch(0),
})

/** Counts earlier attempts at a job. The counts start again if the worker ended during an attempt: pg-boss then replaces `output`. */
function countsOf({ output }: Job): z.infer<typeof storedCounts> {
  return storedCounts.safeParse(output).data ?? { maybeDelivered: 0, costly: 0 }
}

function accountOf(data: JobData[QueueName]): string | undefined {
  const named = 'target' in data ? data.target : data
  return 'accountId' in named ? (named.accountId ?? undefined) : undefined
}
