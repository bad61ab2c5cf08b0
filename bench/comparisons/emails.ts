import { simpleParser } from 'mailparser'
import { cpuBetween, createDatabase, prepareDatabase } from '@/bench/database'
import { startApp, startProgram, startWorker, wait } from '@/bench/processes'
import type { BareMailOrder } from '@/bench/programs/bare-nodemailer'
import { compare, runRounds, type Contender, type Bench, type Results } from '@/bench/rounds'
import { accounts, known } from './requests'

const delays = [0, 20, 100]

/** The most milliseconds for the emails of one round. */
const longestRound = 120_000

/** Emails a second through a worker, against nodemailer alone with the same pool, the same email and the same mail server. */
export async function emails(bench: Bench): Promise<Results> {
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accounts)
  const { port } = await bench.mail.order({ keep: true })
  const smtpUrl = `smtp://127.0.0.1:${port}?ignoreTLS=true`
  // The limit of the whole installation; each account gets one email, or few.
  const options = { database, smtpUrl, env: { LIMIT_EMAILS: '1000000/1h' } }
  const app = await startApp(options)
  const worker = await startWorker(options, app.url)
  const bare = startProgram<BareMailOrder, { count: number; seconds: number }>('bare-nodemailer')

  let requested = 0
  async function request(count: number): Promise<void> {
    await bench.load.order({
      ...known,
      url: app.url,
      values: { first: requested % accounts, count },
      once: true,
      connections: 16,
      seconds: 600,
    })
    requested += count
  }

  /** Resolves once so many emails came since `before`. @returns when the last one came, in milliseconds since the epoch */
  async function untilReceived(before: number, count: number): Promise<number> {
    const deadline = Date.now() + longestRound
    while ((await bench.mail.order({})).count - before < count) {
      if (Date.now() > deadline) throw new Error(`Fewer than ${count} emails came in two minutes.`)
      await wait(10)
    }
    return (await bench.mail.order({ take: true })).emails.at(-1)!.at
  }

  const { count: before } = await bench.mail.order({ take: true })
  await request(1)
  while ((await bench.mail.order({})).count === before) await wait(20)
  const [first] = (await bench.mail.order({ take: true, keep: false })).emails
  const { subject = '', text = '', html } = await simpleParser(first!.source!)
  const content = { subject, text, html: html || '' }

  /** The next round's number of emails follows the last round's rate. */
  const lastRates = new Map(delays.map((delay) => [delay, 50]))

  const ours = (delay: number): Contender => ({
    name: `a worker, ${delay} ms`,
    async run(seconds) {
      const count = Math.ceil(Math.max(50, seconds * lastRates.get(delay)!))
      // While its jobs are written, the worker stands still, so that all of them wait when it goes on.
      worker.signal('SIGSTOP')
      await request(count)
      const { count: already } = await bench.mail.order({ answerAfter: delay, take: true })
      const [ownBefore, databaseBefore] = [worker.cpu(), await database.cpu()]
      const start = performance.timeOrigin + performance.now()
      worker.signal('SIGCONT')
      const end = await untilReceived(already, count)
      const used = cpuBetween(databaseBefore, await database.cpu())
      const rate = (count * 1000) / (end - start)
      lastRates.set(delay, rate)
      return { rate, cpu: (worker.cpu() - ownBefore) / count, databaseCpu: used && used / count }
    },
  })
  const theirs = (delay: number): Contender => ({
    name: `nodemailer, ${delay} ms`,
    async run(seconds) {
      await bench.mail.order({ answerAfter: delay })
      const cpu = bare.cpu()
      const { count, seconds: elapsed } = await bare.order({ smtpUrl, seconds, content })
      return { rate: count / elapsed, cpu: (bare.cpu() - cpu) / count }
    },
  })

  const samples = await runRounds(
    bench,
    delays.flatMap((delay) => [theirs(delay), ours(delay)]),
  )
  return {
    comparisons: delays.map((delay) =>
      compare(
        samples,
        `a worker, ${delay} ms`,
        `nodemailer, ${delay} ms`,
        delay === 0 ? 'rate ≥ 0.6' : 'rate ≥ 0.9',
      ),
    ),
  }
}
