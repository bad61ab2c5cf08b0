import { simpleParser } from 'mailparser'
import { startMailPath, type MailPath } from '@/bench/mail-path'
import { startProgram, wait } from '@/bench/processes'
import type { BareMailOrder } from '@/bench/programs/bare-nodemailer'
import { compare, runRounds, type Bench, type Contender, type Figure, type Results } from '@/bench/rounds'

const delays = [0, 20, 100]
const accounts = 100_000

/** Compares the emails a second of a worker and of nodemailer alone; also measures the time from a response to its email. */
export async function compareEmails(bench: Bench): Promise<Results> {
  const path = await startMailPath(bench, bench.server, accounts)
  const worker = await path.startWorker()
  const bare = startProgram<BareMailOrder, { count: number; seconds: number }>('bare-nodemailer')

  await bench.mail.order({ keep: true })
  await path.request(1)
  while ((await bench.mail.order({})).waiting === 0) await wait(20)
  const { emails: first } = await bench.mail.order({ take: true, keep: false })
  const smtpUrl = await bench.smtpUrl()
  const { subject = '', text = '', html } = await simpleParser(first[0]!.source!)
  const content = { subject, text, html: html || '' }

  /** Emails a second in the last round, by delay. */
  const lastRates = new Map(delays.map((delay) => [delay, 50]))
  const ours = (delay: number): Contender => ({
    name: `a worker, ${delay} ms`,
    async run(seconds) {
      await bench.mail.order({ answerAfter: delay })
      const sample = await path.drain(worker, Math.ceil(Math.max(50, seconds * lastRates.get(delay)!)))
      lastRates.set(delay, sample.rate)
      return sample
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
  await bench.mail.order({ answerAfter: 0 })
  const figures = bench.server === undefined ? [] : await timesOf(bench, 'on a server', path)
  await worker.stop()
  const embedded = await startMailPath(bench, undefined, 5_000)
  await embedded.drain(await embedded.startWorker(), 50)
  figures.push(...(await timesOf(bench, 'embedded', embedded)))
  return {
    comparisons: delays.map((delay) => {
      const goal = delay === 0 ? 'rate ≥ 0.6' : 'rate ≥ 0.9'
      return compare(samples, `a worker, ${delay} ms`, `nodemailer, ${delay} ms`, goal)
    }),
    figures,
  }
}

/** Measures the time from the response to the end of the email's data. */
async function timesOf(bench: Bench, where: 'on a server' | 'embedded', path: MailPath): Promise<Figure[]> {
  bench.progress(`from the response to the email, ${where}`)
  const idle = await path.latencies(4, 15)
  const busy = await path.latencies(40, 15)
  const name = (when: string) => `from the response to the email, ${when}, ${where}`
  return [
    {
      name: name('idle: p50'),
      unit: 'ms',
      goal: where === 'embedded' ? '< 200' : '< 100',
      values: [idle.p50],
    },
    { name: name('idle: p99'), unit: 'ms', values: [idle.p99] },
    {
      name: name('40 a second: p50'),
      unit: 'ms',
      ...(where === 'on a server' && { goal: '< 100' }),
      values: [busy.p50],
    },
    { name: name('40 a second: p99'), unit: 'ms', values: [busy.p99] },
  ]
}
