import { startMailPath, type MailPath } from '@/bench/mail-path'
import {
  compare,
  measuredContender,
  runRounds,
  type Bench,
  type Contender,
  type Results,
  type Sample,
} from '@/bench/rounds'

const accountSizes = [1_000, 100_000, 1_000_000]
const jobSizes = [0, 10_000, 100_000]

/** The installations run at once, and may share the connections of one server. */
const pool = { DATABASE_POOL_SIZE: '5' }

/** Compares what a request and an email cost with more accounts, and with more emails that wait. */
export async function compareGrowth(bench: Bench): Promise<Results> {
  const all: Results = { comparisons: [], figures: [] }
  for (const { sizes, of } of [
    { sizes: accountSizes, of: 'accounts' },
    { sizes: jobSizes, of: 'emails waiting' },
  ]) {
    const label = (size: number) => `${size.toLocaleString('en')} ${of}`
    const emails = new Map<string, Sample[]>()
    const contenders: Contender[] = []
    for (const size of sizes) {
      bench.progress(`preparing ${label(size)}`)
      const path = await startMailPath(bench, bench.server, of === 'accounts' ? size : 100_000, pool)
      if (of !== 'accounts') await path.addWaitingEmails(size)
      emails.set(label(size), [])
      contenders.push(requestThenSend(bench, path, label(size), emails.get(label(size))!))
    }
    const requests = await runRounds(bench, contenders)
    const smallest = label(sizes[0]!)
    for (const size of sizes.slice(1)) {
      const goal = 'CPU ≤ 1.1'
      const request = compare(requests, label(size), smallest, goal)
      const email = compare(emails, label(size), smallest, goal)
      all.comparisons.push(
        { ...request, name: `a request, ${request.name}` },
        { ...email, name: `an email, ${email.name}` },
      )
      if (of !== 'accounts')
        all.figures!.push({
          name: `the wait behind ${label(size)}, computed from the rate`,
          unit: 's',
          values: emails.get(label(size))!.map(({ rate }) => size / rate),
        })
    }
  }
  return all
}

/** Requests links, then lets a new worker send as many emails. @param emails gets their samples, without the warm-up's */
function requestThenSend(bench: Bench, path: MailPath, name: string, emails: Sample[]): Contender {
  let isWarm = false
  const { run } = measuredContender(name, { group: path.app, database: path.database }, (seconds) =>
    path.request(seconds * 40),
  )
  return {
    name,
    async run(seconds) {
      const sample = await run(seconds)
      const sent = await path.sendByNewWorker(seconds * 40)
      if (isWarm) emails.push(sent)
      isWarm = true
      return sample
    },
  }
}
