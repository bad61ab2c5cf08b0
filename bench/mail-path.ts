import { randomUUID } from 'node:crypto'
import { PgBoss } from 'pg-boss'
import { defaultSchemas } from '@/lib/config/schema-names'
import type { Jobs } from '@/lib/queue/queue'
import { cpuBetween, createDatabase, prepareDatabase, type BenchDatabase } from './database'
import { startApp, startWorker, wait, type AppOptions, type Group } from './processes'
import type { LoadResult } from './programs/load'
import type { Bench, Sample } from './rounds'
import { percentile } from './statistics'

export const sendPath = '/api/v1/accounts/send-reset-password-link/'

/** The most milliseconds for the emails of one round. */
const longestRound = 120_000

/** A database with accounts, a web process and a worker of their own, on the bench's receiving mail server. */
export type MailPath = {
  database: BenchDatabase
  app: Group
  /** Requests a link for the next accounts. */
  request(count: number, perSecond?: number): Promise<LoadResult>
  /** Requests links for so many accounts while the worker stands still, then lets it send all emails. */
  drain(count: number): Promise<Sample>
  /** Lets the worker, which stands still, send so many emails, then stops it again. */
  sendWaiting(count: number): Promise<Sample>
  /** Adds emails that wait, to accounts in turn; the worker stands still from then on. */
  addWaitingEmails(count: number): Promise<void>
  /** Milliseconds from the response 200 to the end of the email's data, at so many requests a second. */
  latencies(perSecond: number, seconds: number): Promise<{ p50: number; p99: number }>
  /** Stops the worker with SIGSTOP. */
  standStill(): void
}

/** @param server as for {@link createDatabase} */
export async function startMailPath(
  bench: Bench,
  server: string | undefined,
  accounts: number,
): Promise<MailPath> {
  const database = await createDatabase(server)
  await prepareDatabase(database, accounts)
  const options: AppOptions = {
    database,
    smtpUrl: await bench.smtpUrl(),
    // The limit of the whole installation; each account gets one email, or few.
    env: { LIMIT_EMAILS: '1000000/1h' },
  }
  const app = await startApp(options)
  const worker = await startWorker(options, app.url)
  let next = 0

  async function request(count: number, perSecond?: number): Promise<LoadResult> {
    if (next + count > accounts) next = 0
    next += count
    return bench.load.order({
      url: app.url,
      path: sendPath,
      body: '{"login":"bench-{value}"}',
      values: { first: next - count, count },
      once: true,
      connections: 16,
      seconds: 600,
      ...(perSecond !== undefined && { perSecond }),
      status: 200,
      keepTimes: true,
    })
  }

  /** Resolves with the emails of which the last is the `count`-th. */
  async function receive(count: number) {
    const deadline = Date.now() + longestRound
    const before = (await bench.mail.order({})).waiting
    for (let waiting = before; waiting < count; { waiting } = await bench.mail.order({})) {
      if (Date.now() > deadline) throw new Error(`Only ${waiting} of ${count} emails came in two minutes.`)
      await wait(10)
    }
    return (await bench.mail.order({ take: true })).emails
  }

  async function sendWaiting(count: number): Promise<Sample> {
    await bench.mail.order({ take: true })
    const [ownBefore, databaseBefore] = [worker.cpu(), await database.cpu()]
    const start = performance.timeOrigin + performance.now()
    worker.signal('SIGCONT')
    const emails = await receive(count)
    const [own, used] = [worker.cpu() - ownBefore, cpuBetween(databaseBefore, await database.cpu())]
    const { length } = emails
    return {
      rate: (length * 1000) / (emails.at(-1)!.at - start),
      cpu: own / length,
      databaseCpu: used === undefined ? undefined : used / length,
    }
  }

  return {
    database,
    app,
    request,
    async drain(count) {
      worker.signal('SIGSTOP')
      await request(count)
      return sendWaiting(count)
    },
    async addWaitingEmails(count) {
      worker.signal('SIGSTOP')
      await addEmailJobs(database, count)
    },
    async sendWaiting(count) {
      const sample = await sendWaiting(count)
      worker.signal('SIGSTOP')
      return sample
    },
    async latencies(perSecond, seconds) {
      await bench.mail.order({ take: true })
      const count = perSecond * seconds
      const { answeredAt } = await request(count, perSecond)
      const times = (await receive(count)).map(
        // An email may be there before its response.
        ({ to, at }) => Math.max(0, at - answeredAt[/^bench-(\d+)@/.exec(to)![1]!]!),
      )
      return { p50: percentile(times, 50), p99: percentile(times, 99) }
    },
    standStill: () => worker.signal('SIGSTOP'),
  }
}

/** As the worker adds them for a request. Their links are signed when they are sent. */
async function addEmailJobs({ url, sql }: BenchDatabase, count: number): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    schema: defaultSchemas.queue,
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
      data.map((one) => ({ data: one satisfies Jobs['link-email'] })),
    )
  }
  await boss.stop({ graceful: false })
}
