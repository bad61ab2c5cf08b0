import type pg from 'pg'
import { PgBoss, type ConstructorOptions, type JobResult, type JobWithMetadata } from 'pg-boss'
import { z } from 'zod'
import type { AuditFacts } from './audit'
import type { Log } from './log'
import {
  canNotify,
  queueConnections,
  queueNames,
  shapes,
  type Attempt,
  type Handlers,
  type Jobs,
  type QueueName,
} from './queue'

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
export const mostUnheard = 8

type Job = JobWithMetadata<Jobs[QueueName]>

export type WorkerParts = {
  url: string
  log: Log
  /** Jobs of one kind handled at once in this process. */
  concurrency: number
  /** Told of a job that is given up, whose failure its handler does not know. Must not throw. */
  givenUp: (facts: AuditFacts) => Promise<void>
}

/**
 * Takes jobs and hands them to the handlers until stopped. A handler that throws or takes too long is tried again later.
 *
 * @returns a function that takes no more jobs, waits for those in hand and hands back what it could not finish
 */
export async function startQueueWorker(parts: WorkerParts, handlers: Handlers): Promise<() => Promise<void>> {
  const { url, log, concurrency } = parts
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
    maintenanceIntervalSeconds: 3600,
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
      async (jobs: Job[]) =>
        Promise.all(
          jobs.map(async (job) => {
            const result = await attempt(job, handlers[name] as (work: unknown) => Promise<Attempt>, parts)
            if (jobs.length > 1) await settle(boss, job, result)
            return result
          }),
        ),
    )
  }
  return () => boss.stop({ graceful: true, timeout: 20_000 })
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
  job: Job,
  handle: (work: unknown) => Promise<Attempt>,
  { log, givenUp }: WorkerParts,
): Promise<JobResult> {
  const { id, name: queue, retryCount, retryLimit, keepUntil } = job
  const { success, data } = shapes[queue as QueueName].safeParse(job.data)
  if (!success) {
    log.error({ event: 'job_malformed', queue, jobId: id })
    return { id, status: 'deadletter', output: { reason: 'malformed' } }
  }
  const about = { queue, jobId: id, requestId: data.requestId, attempt: retryCount + 1 }
  const work = { id, data, createdAt: job.createdOn, attempt: about.attempt }
  const ended = await inTime(job, () => handle(work), about, log)
  if (ended.outcome === 'done') return { id, status: 'completed' }
  const { reason } = ended
  // 'deadletter' ends a job at once; 'failed' has it tried again.
  if (ended.outcome === 'never') return { id, status: 'deadletter', output: { reason } }

  const unheard = unheardBefore(job) + (ended.unheard === true ? 1 : 0)
  const output = { reason, unheard }
  const isLast = retryCount >= retryLimit || keepUntil.getTime() - Date.now() < aDay
  if (!isLast && unheard < mostUnheard) return { id, status: 'failed', output }
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
    return { outcome: 'later', reason: 'deadline', unheard: name.endsWith('letter') }
  } catch (error) {
    log.error({ err: error, event: 'job_error', ...about })
    return { outcome: 'later', reason: 'error' }
  } finally {
    clearTimeout(timer)
  }
}

/** How often a letter may have left already. A worker that died at it has not written that down. */
function unheardBefore({ output }: Job): number {
  return z.object({ unheard: z.int() }).safeParse(output).data?.unheard ?? 0
}

function accountOf(data: Jobs[QueueName]): string | undefined {
  const named = 'asked' in data ? data.asked : data
  return 'accountId' in named ? named.accountId : undefined
}
