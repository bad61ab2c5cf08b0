import { randomUUID } from 'node:crypto'
import { PgBoss } from 'pg-boss'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import type { JobData } from '@/lib/queue/job-data'
import { cpuBetween, createDatabase, prepareDatabase, type BenchDatabase } from './database'
import { startApp, startWorker, wait, type AppOptions, type Group } from './processes'
import type { LoadResult } from './programs/load'
import type { Bench, Sample } from './rounds'
import { known } from './comparisons/requests'
import { percentile } from './statistics'

/** The most milliseconds for the emails of one round. */
const longestRound = 120_000

/** A database with accounts and a web process of its own, on the bench's receiving mail server. */
export type MailPath = {
  database: BenchDatabase
  app: Group
  startWorker(): Promise<Group>
  /** Requests a link for the next accounts. */
  request(count: number, perSecond?: number): Promise<LoadResult>
  /** Requests links for so many accounts while an idle worker stands still, then lets it send all emails. */
  drain(worker: Group, count: number): Promise<Sample>
  /** Lets a new worker send so many emails of those that wait, from its first one on, then ends it. */
  sendByNewWorker(count: number): Promise<Sample>
  /** Adds emails that wait: at most one for each account. */
  addWaitingEmails(count: number): Promise<void>
  /** Milliseconds from the response 200 to the end of the email's data, at so many requests a second. */
  latencies(perSecond: number, seconds: number): Promise<{ p50: number; p99: number }>
}

/** @param server as for {@link createDatabase} */
export async function startMailPath(
  bench: Bench,
  server: string | undefined,
  accounts: number,
  env: Record<string, string> = {},
): Promise<MailPath> {
  const database = await createDatabase(server)
  await prepareDatabase(database, accounts)
  // The limit of the whole installation is raised; each account gets one email, or few.
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
      ...known,
      url: app.url,
      values: { first: next - count, count },
      once: true,
      connections: 16,
      seconds: 600,
      ...(perSecond !== undefined && { perSecond }),
      keepTimes: true,
    })
  }

  /** Waits until so many emails came since they were last taken. @returns how many came by then */
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

  /** What each email costs from now on until `count` came, of which `already` came before. */
  async function measure(worker: Group, count: number, already = 0): Promise<Sample> {
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
      // Statements that a worker waits for while it stands still would time out.
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
        // An email may be there before its response.
        ({ to, at }) => Math.max(0, at - answeredAt[/^bench-(\d+)@/.exec(to)![1]!]!),
      )
      return { p50: percentile(times, 50), p99: percentile(times, 99) }
    },
  }
}

/** As the worker adds them for a request. Their links are signed when they are sent. */
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
