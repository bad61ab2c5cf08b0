import { emails } from '@/emails/templates'
import type { AuditFacts } from '@/lib/audit/audit'
import { createSendPacer } from '@/lib/password-reset/send-pacer'
import { createJobHandlers } from '@/lib/password-reset/job-handlers'
import { createMailHealthRecorder } from '@/lib/mail-health/recorder'
import { watchMailHealth } from '@/lib/mail-health/reports'
import { mailTimes, type MailTimes } from '@/lib/mail-health/verdict'
import { createMailer } from '@/lib/mail/mailer'
import { startStoringMetrics } from '@/lib/metrics/reporter'
import type { QueueName } from '@/lib/queue/job-data'
import { startQueueWorker } from '@/lib/queue/worker'
import { linkEmailConnections, mailConnections } from '@/lib/mail/smtp-options'
import type { Services } from '@/services'

/** At most `linkEmailConnections` of these emails are being sent; the others wait a random time, or for a connection. */
const linkEmailsInProgress = 192

/** Jobs of each queue that one worker runs at a time, so that slow jobs of one queue do not block another. */
const concurrency: Record<QueueName, number> = {
  'link-request': 8,
  'link-email': linkEmailsInProgress,
  'changed-email': mailConnections - linkEmailConnections,
  'changed-hook': 8,
}

/** Jobs per fetch. A fetch ends with its slowest job, so there are as many fetches of emails with links as connections. */
const batchSizes = { 'link-request': 4, 'link-email': linkEmailsInProgress / linkEmailConnections }

/** The longest random time, in milliseconds, that an email with a link waits (lib/password-reset/send-pacer.ts). */
const longestPause = 300

/** Milliseconds between two purges of expired rows. */
const sweepInterval = 10 * 60 * 1000

async function sweep({ limits, audit, recovery, metrics, settings, log }: Services): Promise<void> {
  const purges: Record<string, () => Promise<void>> = {
    limits: limits.purge,
    audit: () => audit.purge(settings.auditRetention),
    recovery: recovery.purge,
    metrics: metrics.purge,
  }
  for (const [purge, run] of Object.entries(purges))
    await run().catch((error: unknown) => log.warn({ err: error, event: 'purge_failed', purge }))
}

/**
 * Starts to run the jobs of the queue, to purge expired rows, to store metrics, and to watch whether emails leave.
 *
 * @returns a function that stops all of that, and waits up to 20 s for running jobs
 * @throws if the database is unavailable
 */
export async function startWorker(
  services: Services,
  times: MailTimes = mailTimes,
): Promise<() => Promise<void>> {
  const { settings, log, configuration, mailboxDir, audit, mailState: state } = services
  const mailer = createMailer({ ...settings.mail, mailboxDir, log })
  const recorder = createMailHealthRecorder({
    state,
    log,
    times,
    // With `sendEmail` of rekey.config.ts, emails need not go through this mail server, so a connection to it proves nothing.
    verify: configuration.sendEmail === undefined ? mailer.verify : undefined,
    onFailure: () => void reports.check(),
  })
  const reports = watchMailHealth({
    state,
    log,
    times,
    onRead: (facts) => void recorder.probeWhenIdle(facts),
  })
  const handlers = createJobHandlers({
    ...services,
    emails: { ...emails, ...configuration.emails },
    ...recorder.watchSending({ mailer, configuration }),
    sendPacer: createSendPacer({ slots: linkEmailConnections, longestPause }),
  })
  // Connects to the mail server in the background, because an unavailable one must not delay the start of a worker.
  void recorder.tryOut()
  // Purges at the start as well: a worker that is replaced before the first interval ends would otherwise never purge.
  void sweep(services)
  const metricsReports = startStoringMetrics({ add: services.metrics.add, kind: 'worker', log })
  const sweeping = setInterval(() => void sweep(services), sweepInterval)
  const givenUp = (facts: AuditFacts) => audit.recordBestEffort('failed', facts)
  const malformed = (queue: QueueName) => recorder.recordThrow(queue, 'malformed')
  const parts = { database: settings.database, log, concurrency, batchSizes, givenUp, malformed }
  const stopQueue = await startQueueWorker(parts, recorder.watchHandlers(handlers))
  return async () => {
    clearInterval(sweeping)
    await reports.stop()
    await stopQueue()
    await recorder.stop()
    await metricsReports.stop()
    await mailer.close()
  }
}
