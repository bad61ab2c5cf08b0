import type { Log } from '@/lib/logging/log'
import type { MailStateStore } from '@/lib/mail-health/state'
import { stopHints } from '@/lib/mail-health/stop-causes'
import { assessMailHealth } from '@/lib/mail-health/verdict'
import { metricsContentType, formatMetrics, type Scraped } from '@/lib/metrics/exposition'
import type { MetricsStore } from '@/lib/metrics/store'
import { hasToken, unauthorizedResponse } from './bearer-token'
import { sendError } from './error-response'
import type { Handle } from './handle'

/** The path that Prometheus scrapes; 404 if METRICS_TOKEN is not set. */
export const metricsPath = '/api/metrics'

/** Milliseconds. */
const scrapeTimes = {
  /** For one read. A scrape makes one read, then two at once; Prometheus waits ten seconds by default. */
  patience: 4_000,
  /** How long the numbers of jobs and the mail health are reused, because counting jobs reads many rows. */
  keepJobs: 5_000,
}

type Parts = {
  store: Pick<MetricsStore, 'read' | 'readJobs'>
  mailState: Pick<MailStateStore, 'read'>
  /** Returns the milliseconds since this process last stored a report or, before the first, since its start. */
  ownReport: () => number
  token: string
  log: Log
}

/**
 * Creates the handler of {@link metricsPath}. If the database fails, the status is still 200, with `rekey_database_up 0`, because
 * Prometheus ignores the body of an error.
 */
export function createMetricsHandler(
  { store, mailState, ownReport, token, log }: Parts,
  times: typeof scrapeTimes = scrapeTimes,
): Handle {
  const readReported = shared(0, times.patience, () => store.read())
  const readJobs = shared(times.keepJobs, times.patience, () => store.readJobs())
  const readMail = shared(times.keepJobs, times.patience, async () => {
    const facts = await mailState.read()
    const health = assessMailHealth(facts)
    const isStopped = (cause: string) => health.status === 'failing' && health.cause === cause
    const stopped = Object.fromEntries(Object.keys(stopHints).map((cause) => [cause, isStopped(cause)]))
    return { stopped, workerSeen: facts.workerSeen }
  })

  async function scrape(): Promise<Scraped> {
    const unknown = (error: unknown) => {
      log.warn({ err: error, event: 'metrics_unknown' })
      return undefined
    }
    const reported = await readReported().then((found) => ({ found, at: Date.now() }), unknown)
    const readAt = reported?.at ?? 0
    if (reported === undefined) return { reported: undefined, ownReport: 0, readAt }
    const [jobs, mail] = await Promise.all([readJobs().catch(unknown), readMail().catch(unknown)])
    return { reported: reported.found, jobs, mail, ownReport: ownReport(), readAt }
  }

  return async (request, response) => {
    if (!hasToken(request, token)) return sendError(response, unauthorizedResponse)
    const body = formatMetrics(await scrape())
    response.writeHead(200, {
      'Content-Type': metricsContentType,
      'Content-Length': Buffer.byteLength(body),
    })
    response.end(body)
  }
}

/**
 * Returns a function that reads a value, which is reused for `keep` milliseconds. Concurrent calls share a read.
 *
 * @param patience milliseconds after which a call rejects; the read goes on, and later calls share it
 */
function shared<Value>(keep: number, patience: number, read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined
  let kept: { value: Value; until: number } | undefined
  return async () => {
    if (kept !== undefined && performance.now() < kept.until) return kept.value
    reading ??= read()
      .then((value) => {
        kept = { value, until: performance.now() + keep }
        return value
      })
      .finally(() => (reading = undefined))
    reading.catch(() => undefined)
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error('The database takes too long.')), patience)
    return Promise.race([reading, late]).finally(() => clearTimeout(timer))
  }
}
