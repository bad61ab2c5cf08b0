import type { Settings } from '@/lib/config/settings'
import { openDatabase } from '@/lib/database/pool'
import { createLog } from '@/lib/logging/log'
import { createMailStateStore } from '@/lib/mail-health/state'
import { assessMailHealth } from '@/lib/mail-health/verdict'
import { createMetricsStore, type ReportTotals } from '@/lib/metrics/store'
import { ok, trouble, warning, type Finding } from './finding'

/** Seconds; less than the hour that a link lives by default. */
const lateJob = 600

/** Milliseconds; longer than the two seconds between reports of a process. */
const sample = 5_000

/** Checks that processes report, that emails leave, that no job is late and, after a while, that no flood is refused. */
export async function checkProcessesAndJobs({ database: settings, worker }: Settings): Promise<Finding[]> {
  const database = openDatabase({ ...settings, poolSize: 2 }, createLog('silent', 'doctor'))
  try {
    const store = createMetricsStore(database)
    const before = await store.read()
    const found = [
      ...processFindings(before, worker),
      await mailFinding(createMailStateStore(database)),
      ...jobFindings(await store.readJobs()),
    ]
    if (!isReporting(before)) return found
    await new Promise((resolve) => setTimeout(resolve, sample))
    return [...found, floodFinding(before, await store.read())]
  } finally {
    await database.close()
  }
}

const isReporting = ({ lastReport }: ReportTotals) => lastReport !== null && lastReport <= 30_000

function processFindings(reported: ReportTotals, startsWorker: boolean): Finding[] {
  const { processes, lastReport } = reported
  const found: Finding[] = []
  if (!isReporting(reported))
    return [
      trouble(
        'processes',
        lastReport === null
          ? 'No process has reported to the database yet.'
          : `No process has reported to the database for ${Math.round(lastReport / 1000)} s.`,
        'Start Rekey, unless database.writes says why none does.',
      ),
    ]
  found.push(
    processes.web > 0
      ? ok('processes.web', `Web processes: ${processes.web}.`)
      : warning(
          'processes.web',
          'No web process reports.',
          'Start one, unless database.writes says why none does.',
        ),
  )
  found.push(
    processes.worker > 0
      ? ok('processes.worker', `Workers: ${processes.worker}.`)
      : trouble(
          'processes.worker',
          'No worker runs, so no email leaves.',
          startsWorker
            ? 'Restart `npm start`, or run `npm run worker`.'
            : 'WORKER is off: run `npm run worker`.',
        ),
  )
  return found
}

async function mailFinding(state: Pick<ReturnType<typeof createMailStateStore>, 'read'>): Promise<Finding> {
  const health = assessMailHealth(await state.read())
  if (health.status === 'ok') return ok('emails', 'Nothing is known to keep emails from leaving.')
  const why = [health.cause, health.reason].filter(Boolean).join(': ')
  return trouble('emails', `No email leaves since ${health.since.toISOString()} (${why}).`, health.hint)
}

function jobFindings(
  jobs: Awaited<ReturnType<ReturnType<typeof createMetricsStore>['readJobs']>>,
): Finding[] {
  return jobs.map(({ queue, waiting, retrying, running, oldest }) => {
    const all = waiting + retrying + running
    const check = `queue.${queue}`
    if (all === 0) return ok(check, 'No job waits.')
    const message = `${all} unfinished job${all === 1 ? '' : 's'} (${retrying} failed before), the oldest ${oldest} s old.`
    const isLate = oldest > lateJob && queue !== 'changed-hook'
    return isLate
      ? trouble(check, message, 'Search the log for email_deferred, job_error and queue_error.')
      : ok(check, message)
  })
}

function floodFinding(before: ReportTotals, after: ReportTotals): Finding {
  const refused = ({ counts }: ReportTotals) =>
    [...counts].reduce(
      (sum, [series, value]) =>
        /^limited|^requests_refused\{reason="(?:busy|throttled-proxy)/.test(series) ? sum + value : sum,
      0,
    )
  const rate = ((refused(after) - refused(before)) * 1000) / sample
  if (rate <= 1) return ok('flood', 'Rate limits refuse less than one request a second.')
  return warning(
    'flood',
    `Rate limits refuse ${rate.toFixed(1)} requests a second.`,
    'A flood to stop in front of Rekey, or TRUSTED_PROXY_HOPS is too small and all people count as one client.',
  )
}
