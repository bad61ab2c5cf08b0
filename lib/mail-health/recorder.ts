import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { isDatabaseUnavailable } from '@/lib/database/errors'
import type { Log } from '@/lib/logging/log'
import { stopsEveryEmail } from '@/lib/mail/failure-hints'
import { evidenceOf, type SuspectKind } from './evidence'
import { monotonicNow, createObservationWriter } from './observation-writer'
import { emailQueues, type MailFacts, type MailStateStore } from './state'
import { causesClearedByConnection, isStopCause, stopHints } from './stop-causes'
import type { MailTimes } from './verdict'
import type { Mailer } from '@/lib/mail/mailer'
import type { SendOutcome } from '@/lib/mail/delivery-result'
import type { QueueName } from '@/lib/queue/job-data'
import type { AttemptResult, JobHandlers, QueuedJob } from '@/lib/queue/queue'

type Parts = {
  state: Pick<MailStateStore, 'write' | 'clear'>
  /** Tests the connection to the mail server; undefined if emails may be sent in another way. */
  verify: Mailer['verify'] | undefined
  log: Log
  times: MailTimes
  onFailure: () => void
}

/** A job of an email queue that runs now. `started` is by {@link monotonicNow}. */
type RunningJob = {
  name: QueueName
  started: number
  /** The recipient, while the email is being sent. */
  to?: string
  reported: boolean
}

/** The mail server counts as failing once emails to this many different recipients failed, without an accepted email in between. */
const recipientThresholds: Record<SuspectKind, number> = { unclear: 2, deferred: 5 }

const missingOutcome =
  'sendEmail of rekey.config.ts returned nothing. It must return the outcome of deliver(), or { ok: true } or { ok: false, … } itself.'

/** Records in the database whether a worker's attempts to send emails fail. Best effort: a write that fails is dropped. */
export function createMailHealthRecorder({ state, verify, log, times, onFailure }: Parts) {
  const running = new Map<string, RunningJob>()
  /** The recipients of suspect outcomes since this worker last had an email accepted, each with the start of the attempt. */
  const failedRecipients = { unclear: new Map<string, number>(), deferred: new Map<string, number>() }
  /** The queues in which no handler has returned since the last `job-error`. */
  const throwing = new Set<QueueName>()
  const writer = createObservationWriter({ state, log, times, onFailure })
  const { fail, clear } = writer

  function accept(): void {
    failedRecipients.unclear.clear()
    failedRecipients.deferred.clear()
    writer.accept()
  }

  /** Records a failure that may concern only its recipient or message. */
  function suspect(kind: SuspectKind, to: string, reason: string, startedAt: number): void {
    const recipients = failedRecipients[kind]
    const threshold = recipientThresholds[kind]
    if (recipients.size < threshold && !recipients.has(to)) recipients.set(to, startedAt)
    if (recipients.size >= threshold) fail('server', reason, Math.min(...recipients.values()))
    else if (kind === 'unclear') void probe(startedAt)
  }

  function recordOutcome(outcome: SendOutcome, to: string, startedAt: number): void {
    const evidence = evidenceOf(outcome)
    if (evidence.shows === 'accepted') accept()
    if (evidence.shows === 'failing') fail(evidence.cause, evidence.reason, startedAt)
    if (evidence.shows === 'suspect') suspect(evidence.kind, to, evidence.reason, startedAt)
  }

  async function observe(id: string, to: string, send: () => Promise<SendOutcome>): Promise<SendOutcome> {
    const job = running.get(id)
    if (job !== undefined) job.to = to
    const startedAt = monotonicNow()
    const outcome = await send()
    if (job !== undefined) delete job.to
    recordOutcome(outcome, to, startedAt)
    return outcome
  }

  /** Wraps the team's own `sendEmail`, or else the mailer, to record the outcomes. */
  function watchSending<Sending extends { mailer: Mailer; configuration: RekeyConfig }>(
    parts: Sending,
  ): Sending {
    const { mailer, configuration } = parts
    const { sendEmail } = configuration
    return sendEmail === undefined
      ? {
          ...parts,
          mailer: { ...mailer, send: (email) => observe(email.id, email.to, () => mailer.send(email)) },
        }
      : {
          ...parts,
          configuration: {
            ...configuration,
            sendEmail: (email, deliver) =>
              observe(email.id, email.to, async () => {
                const outcome: SendOutcome | undefined = await sendEmail(email, deliver)
                if (outcome === undefined) throw new Error(missingOutcome)
                return outcome
              }),
          },
        }
  }

  /** Wraps the handlers of the email queues to record failures that no `SendOutcome` shows. */
  function watchHandlers(handlers: JobHandlers): JobHandlers {
    const watched = emailQueues.map((name) => [name, watchHandler(name, handlers[name] as Handle)])
    return { ...handlers, ...(Object.fromEntries(watched) as Partial<JobHandlers>) }
  }

  type Handle = (work: QueuedJob<QueueName>) => Promise<AttemptResult>

  function watchHandler(name: QueueName, handle: Handle): Handle {
    return async (work) => {
      const job: RunningJob = { name, started: monotonicNow(), reported: false }
      running.set(work.id, job)
      try {
        const ended = await handle(work)
        recordEnd(name, ended, work.attempt, job.started)
        return ended
      } catch (error) {
        if (!isDatabaseUnavailable(error)) recordThrow(name, 'error', job.started)
        throw error
      } finally {
        // A late attempt can end after the next attempt of its job started: keep the newer entry.
        if (running.get(work.id) === job) running.delete(work.id)
      }
    }
  }

  function recordEnd(name: QueueName, ended: AttemptResult, attempt: number, startedAt: number): void {
    if (throwing.delete(name) && throwing.size === 0) void clear(['job-error'], 0)
    const reason = ended.outcome === 'done' ? undefined : ended.reason
    // At a later attempt, the link may be about to expire because the mail server deferred this recipient's email before.
    if (reason === 'link-would-expire' && attempt === 1) fail('link-would-expire', reason, startedAt)
    if (reason === 'email-budget-spent') fail('budget', reason, startedAt)
  }

  /** Records a `job-error`, unless the jobs of the queue lead to no email. */
  function recordThrow(name: QueueName, reason: string, startedAt = monotonicNow()): void {
    if (!emailQueues.includes(name)) return
    throwing.add(name)
    fail('job-error', `${name} ${reason}`, startedAt)
  }

  /** Records each job that has run for `times.silence`, once: the job's own timeout may be minutes later. */
  function recordSilence(): void {
    for (const job of running.values()) {
      if (job.reported || monotonicNow() - job.started < times.silence) continue
      job.reported = true
      if (job.to === undefined) recordThrow(job.name, 'deadline', job.started)
      else suspect('unclear', job.to, 'mail-unanswered', job.started)
    }
  }

  let probing: Promise<SendOutcome> | undefined
  let lastProbe = -Infinity

  /** Tests the connection, and records a failure. Returns undefined without `verify`, or if another test runs or was recent. */
  async function probe(startedAt = monotonicNow()): Promise<SendOutcome | undefined> {
    if (verify === undefined || probing !== undefined || monotonicNow() - lastProbe < times.probe)
      return undefined
    lastProbe = monotonicNow()
    probing = verify(times.probe)
    const outcome = await probing
    probing = undefined
    if (!outcome.ok)
      fail(stopsEveryEmail(outcome.cause) ? outcome.cause : 'server', outcome.reason, startedAt)
    return outcome
  }

  /** Ends a recorded failure if a test connection succeeds. Does nothing while jobs wait, because their attempts are better evidence. */
  async function probeWhenIdle({ failing, cause, waiting }: MailFacts): Promise<void> {
    if (failing === null || waiting > 0 || !isStopCause(cause) || !causesClearedByConnection.includes(cause))
      return
    const began = monotonicNow()
    const outcome = await probe()
    if (outcome?.ok === true) await clear(causesClearedByConnection, monotonicNow() - began)
  }

  const heartbeat = setInterval(() => {
    recordSilence()
    void writer.write()
  }, times.heartbeat)
  heartbeat.unref()
  void writer.write()

  return {
    watchSending,
    watchHandlers,
    recordThrow,
    probeWhenIdle,
    /** Tests the connection to the mail server, if there is `verify`, and logs the outcome. */
    async tryOut(): Promise<void> {
      const outcome = await probe()
      if (outcome?.ok === false && !stopsEveryEmail(outcome.cause))
        log.error({ event: 'mail_stopped', cause: 'server', reason: outcome.reason, hint: stopHints.server })
    },
    async stop(): Promise<void> {
      clearInterval(heartbeat)
      await writer.stop()
    },
  }
}
