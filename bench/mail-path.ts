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

/** Milliseconds. */
const longestRound = 120_000

/** A database with accounts, and a web process on it. */
export type MailPath = {
  database: BenchDatabase
  app: ProcessGroup
  startWorker(): Promise<ProcessGroup>
  /** Requests a link for each of the next `count` accounts. */
  request(count: number, perSecond?: number): Promise<LoadResult>
  /** Stops the worker (SIGSTOP) while `count` links are requested, then measures how the worker sends their emails. */
  drain(worker: ProcessGroup, count: number): Promise<Sample>
  /** Starts a worker, and measures from its first email until `count` have come. */
  sendByNewWorker(count: number): Promise<Sample>
  /** Adds at most one job for each account, even if `count` is larger. */
  addWaitingEmails(count: number): Promise<void>
  /** Milliseconds from a response to the end of its email's data. */
  latencies(perSecond: number, seconds: number): Promise<{ p50: number; p99: number }>
}

/** @param server as for {@link createDatabase} @param env further settings of the web process and of the workers */
export async function startMailPath(
  bench: Bench,
  server: string | undefined,
  accounts: number,
  env: Record<string, string> = {},
): Promise<MailPath> {
  const database = await createDatabase(server)
  await prepareDatabase(database, accounts)
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

  /** Waits until `count` emails have come since `takeEmails`. @returns how many have come */
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

  /** @param already how many of `count` have come before */
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
      // Time to become idle: a statement for which the worker waits would time out while it is stopped.
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
