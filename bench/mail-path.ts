import { randomUUID } from 'node:crypto'
import { PgBoss } from 'pg-boss'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import type { JobData } from '@/lib/queue/job-data'
import { cpuBetween, createDatabase, prepareDatabase, type BenchDatabase } from './database'
import { startApp, startWorker, wait, type AppOptions, type ProcessGroup } from './processes'
import type { LoadResult } from './programs/load'
import type { Bench, Sample } from './rounds'
import { knownAccountRequest } from './comparisons/requests'
import { percentile } from './statistics'

/** The most milliseconds for the emails of one round. */
const longestRound = 120_000

/** A database with accounts, and a running web process on it. Its workers send to the mail server of the benchmarks. */
export type MailPath = {
  database: BenchDatabase
  app: ProcessGroup
  startWorker(): Promise<ProcessGroup>
  /** Requests a link for each of the next `count` accounts. */
  request(count: number, perSecond?: number): Promise<LoadResult>
  /** Stops an idle worker (SIGSTOP), requests `count` links, then lets the worker send their emails. Measures only the sending. */
  drain(worker: ProcessGroup, count: number): Promise<Sample>
  /** Starts a worker, lets it send `count` of the emails that wait, and ends it. Measures from its first email on. */
  sendByNewWorker(count: number): Promise<Sample>
  /** Adds jobs for emails: at most one for each account, even if `count` is larger. */
  addWaitingEmails(count: number): Promise<void>
  /** Requests links at a rate, and measures the milliseconds from each response 200 to the end of its email's data. */
  latencies(perSecond: number, seconds: number): Promise<{ p50: number; p99: number }>
}

/**
 * Prepares a database with accounts, and starts a web process on it.
 *
 * @param server as for {@link createDatabase}
 * @param env further settings of the web process and of the workers
 */
export async function startMailPath(
  bench: Bench,
  server: string | undefined,
  accounts: number,
  env: Record<string, string> = {},
): Promise<MailPath> {
  const database = await createDatabase(server)
  await prepareDatabase(database, accounts)
  // Only the limit of the whole installation is raised: each account gets too few emails to reach its own.
  const options: AppOptions = {
    database,
    smtpUrl: await bench.smtpUrl(),
    env: { LIMIT_EMAILS: '1000000/1h', ...env },
  }
  const app = await startApp(options)
  let next = 0

  async function request(count: number, perSecond?: number): Promise<LoadResult> {
    if (next + count > accounts) next = 0
    next += count
    return bench.load.order({
      ...knownAccountRequest,
      url: app.url,
      values: { first: next - count, count },
      once: true,
      connections: 16,
      seconds: 600,
      ...(perSecond !== undefined && { perSecond }),
      keepTimes: true,
    })
  }

  /** Waits until `count` emails have come since `takeEmails` was last called. @returns how many have come */
  async function receive(count: number): Promise<number> {
    const deadline = Date.now() + longestRound
    for (;;) {
      const { waiting } = await bench.mail.order({})
      if (waiting >= count) return waiting
      if (Date.now() > deadline) throw new Error(`Only ${waiting} of ${count} emails came in two minutes.`)
      await wait(10)
    }
  }
  const takeEmails = async () => (await bench.mail.order({ take: true })).emails

  /** Lets the worker run, and measures what each email costs until `count` have come, of which `already` came before. */
  async function measure(worker: ProcessGroup, count: number, already = 0): Promise<Sample> {
    const [ownBefore, databaseBefore] = [worker.cpu(), await database.cpu()]
    const start = performance.timeOrigin + performance.now()
    worker.signal('SIGCONT')
    await receive(count)
    const [own, used] = [worker.cpu() - ownBefore, cpuBetween(databaseBefore, await database.cpu())]
    const emails = await takeEmails()
    const sent = emails.length - already
    return {
      rate: (sent * 1000) / (emails.at(-1)!.at - start),
      cpu: own / sent,
      databaseCpu: used === undefined ? undefined : used / sent,
    }
  }

  return {
    database,
    app,
    startWorker: () => startWorker(options, app.url),
    request,
    async drain(worker, count) {
      // Lets the worker become idle: a statement for which it waits would time out while the worker is stopped.
      await wait(500)
      worker.signal('SIGSTOP')
      await request(count)
      await takeEmails()
      return measure(worker, count)
    },
    async sendByNewWorker(count) {
      await takeEmails()
      const worker = await startWorker(options, app.url)
      const sample = await measure(worker, count, await receive(1))
      await worker.stop()
      return sample
    },
    addWaitingEmails: (count) => addEmailJobs(database, count),
    async latencies(perSecond, seconds) {
      await takeEmails()
      const count = perSecond * seconds
      const { answeredAt } = await request(count, perSecond)
      await receive(count)
      const times = (await takeEmails()).map(
        // An email may arrive before the response to its request.
        ({ to, at }) => Math.max(0, at - answeredAt[/^bench-(\d+)@/.exec(to)![1]!]!),
      )
      return { p50: percentile(times, 50), p99: percentile(times, 99) }
    },
  }
}

/** Adds jobs for emails with links, as the worker adds them for requests. */
async function addEmailJobs({ url, sql }: BenchDatabase, count: number): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    schema: defaultSchemaNames.queue,
    migrate: false,
    supervise: false,
    schedule: false,
  })
  boss.on('error', () => undefined)
  await boss.start()
  const { rows } = await sql.query<{ accountId: string; requestedAt: number }>(
    `SELECT "id"::text AS "accountId", floor(extract(epoch FROM now()))::int AS "requestedAt"
       FROM "rekey"."users" ORDER BY "username" DESC LIMIT $1`,
    [count],
  )
  for (let at = 0; at < rows.length; at += 1000) {
    const data = rows
      .slice(at, at + 1000)
      .map((row) => ({ ...row, bypassPause: false, locale: 'en', requestId: randomUUID() }))
    await boss.insert(
      'link-email',
      data.map((one) => ({ data: one satisfies JobData['link-email'] })),
    )
  }
  await boss.stop({ graceful: false })
}
