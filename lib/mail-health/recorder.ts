import type { Configuration } from '@/lib/password-reset/extension-points'
import { isDatabaseAway } from '@/lib/database/errors'
import type { Log } from '@/lib/logging/log'
import { stopsEveryEmail } from '@/lib/mail/failure-hints'
import { emailQueues, type MailFacts, type MailNews, type MailState } from './state'
import { connectionCauses, isStopCause, stopHints, type StopCause } from './stops'
import { mailTimes, type MailTimes } from './verdict'
import type { Mailer } from '@/lib/mail/mailer'
import type { SendOutcome } from '@/lib/mail/delivery-result'
import type { Attempt, Handlers, QueueName, Work } from '@/lib/queue/queue'

type Parts = {
  state: Pick<MailState, 'write' | 'clear'>
  /** Connects to the mail server without an email; absent where emails do not go there. */
  verify: Mailer['verify'] | undefined
  log: Log
  times?: MailTimes
  /** Called after a failure was written. */
  onFailure?: () => void
}

/** A job that a worker has in hand. */
type InHand = { name: QueueName; started: number; /** While it is being sent. */ to?: string; noted: boolean }

/** Different recipients whose emails failed since the last acceptance, before it counts as every recipient's. */
const mostDoubts = { unclear: 2, deferred: 5 }

/** Milliseconds of a clock that nobody sets. */
const clock = () => performance.now()

export type MailRecorder = ReturnType<typeof createMailRecorder>

/**
 * Watches a worker's attempts and keeps the state of emails in the database. Nothing here delays or fails an email:
 * a write that fails is forgotten, and there is at most one every few seconds.
 */
export function createMailRecorder({ state, verify, log, times = mailTimes, onFailure }: Parts) {
  const inHand = new Map<string, InHand>()
  let stopped = false
  const doubts = { unclear: new Map<string, number>(), deferred: new Map<string, number>() }
  /** Queues whose last job ended in an error. */
  const throwing = new Set<QueueName>()
  let acceptedAt: number | undefined
  let failure: { cause: StopCause; reason: string; failedAt: number; startedAt: number } | undefined

  let writing: Promise<void> | undefined
  let lastWrite = -Infinity
  let due: NodeJS.Timeout | undefined

  function writeSoon(): void {
    if (!stopped) due ??= setTimeout(() => void write(), Math.max(0, lastWrite + times.write - clock()))
  }

  /** One write at a time; what happens meanwhile is in the next one. */
  function write(): Promise<void> {
    clearTimeout(due)
    due = undefined
    return (writing ??= attemptWrite().finally(() => {
      writing = undefined
      if (acceptedAt !== undefined || failure !== undefined) writeSoon()
    }))
  }

  async function attemptWrite(): Promise<void> {
    lastWrite = clock()
    const news: MailNews = {
      accepted: acceptedAt === undefined ? undefined : lastWrite - acceptedAt,
      failure: failure && {
        cause: failure.cause,
        reason: failure.reason,
        failed: lastWrite - failure.failedAt,
        started: lastWrite - failure.startedAt,
      },
    }
    acceptedAt = failure = undefined
    try {
      await state.write(news)
    } catch (error) {
      log.debug({ err: error, event: 'mail_state_unknown' })
    }
    if (news.failure !== undefined) onFailure?.()
  }

  function accept(): void {
    acceptedAt = clock()
    doubts.unclear.clear()
    doubts.deferred.clear()
    writeSoon()
  }

  function fail(cause: StopCause, reason: string, startedAt: number): void {
    const first = Math.min(failure?.startedAt ?? startedAt, startedAt)
    // What was accepted before it failed is written in the same statement, which compares the two.
    failure = { cause, reason, failedAt: clock(), startedAt: first }
    writeSoon()
  }

  /** A failure that one recipient or one message may have caused: counts once it met several recipients in a row. */
  function doubt(kind: keyof typeof doubts, to: string, reason: string, startedAt: number): void {
    const met = doubts[kind]
    if (met.size < mostDoubts[kind] && !met.has(to)) met.set(to, startedAt)
    if (met.size >= mostDoubts[kind]) fail('server', reason, Math.min(...met.values()))
    else if (kind === 'unclear') void probe(startedAt)
  }

  function note(outcome: SendOutcome, to: string, startedAt: number): void {
    if (outcome.ok) return accept()
    // Final: this recipient's or this message's, however many there are.
    if (outcome.final) return
    const { cause, reason, alert } = outcome
    if (cause === 'recipient' || cause === 'message') return doubt('deferred', to, reason, startedAt)
    if (stopsEveryEmail(cause)) return fail(cause, reason, startedAt)
    const isUnclear = reason === 'deadline' || reason === 'mail-unanswered'
    if (cause === 'server' && !isUnclear) return fail('server', reason, startedAt)
    if (cause === undefined && alert === true) return fail('own', reason, startedAt)
    doubt('unclear', to, reason, startedAt)
  }

  async function observe(id: string, to: string, send: () => Promise<SendOutcome>): Promise<SendOutcome> {
    const job = inHand.get(id)
    if (job !== undefined) job.to = to
    const startedAt = clock()
    const outcome = await send()
    if (job !== undefined) delete job.to
    note(outcome, to, startedAt)
    return outcome
  }

  /** Has the outcome of every email noted: the team's own sending decides where there is one, else the mailer's. */
  function watchSending<Sending extends { mailer: Mailer; configuration: Configuration }>(
    parts: Sending,
  ): Sending {
    const { mailer, configuration } = parts
    const { sendLetter } = configuration
    return sendLetter === undefined
      ? {
          ...parts,
          mailer: { ...mailer, send: (email) => observe(email.id, email.to, () => mailer.send(email)) },
        }
      : {
          ...parts,
          configuration: {
            ...configuration,
            sendLetter: (email, deliver) => observe(email.id, email.to, () => sendLetter(email, deliver)),
          },
        }
  }

  /** Has noted what keeps jobs from coming to an email at all. */
  function watchHandlers(handlers: Handlers): Handlers {
    const watched = emailQueues.map((name) => [name, watchHandler(name, handlers[name] as Handle)])
    return { ...handlers, ...(Object.fromEntries(watched) as Partial<Handlers>) }
  }

  type Handle = (work: Work<QueueName>) => Promise<Attempt>

  function watchHandler(name: QueueName, handle: Handle): Handle {
    return async (work) => {
      const job: InHand = { name, started: clock(), noted: false }
      inHand.set(work.id, job)
      try {
        const ended = await handle(work)
        noteEnd(name, ended, work.attempt, job.started)
        return ended
      } catch (error) {
        if (!isDatabaseAway(error)) noteThrow(name, 'error', job.started)
        throw error
      } finally {
        // A late job goes on beside its next run, which has the entry then.
        if (inHand.get(work.id) === job) inHand.delete(work.id)
      }
    }
  }

  function noteEnd(name: QueueName, ended: Attempt, attempt: number, startedAt: number): void {
    if (throwing.delete(name) && throwing.size === 0) void clear(['job-error'], 0)
    const reason = ended.outcome === 'done' ? undefined : ended.reason
    // At a later attempt it is what a single recipient's passing refusals come to.
    if (reason === 'link-would-expire' && attempt === 1) fail('link-would-expire', reason, startedAt)
    if (reason === 'letter-budget-spent') fail('budget', reason, startedAt)
  }

  /** Notes a job that came to no end of its own. */
  function noteThrow(name: QueueName, reason: string, startedAt = clock()): void {
    if (!emailQueues.includes(name)) return
    throwing.add(name)
    fail('job-error', `${name} ${reason}`, startedAt)
  }

  /** Nothing tells that a mail server, or a function of the team's, is silent; so it is looked for. */
  function noteSilence(): void {
    for (const job of inHand.values()) {
      if (job.noted || clock() - job.started < times.silence) continue
      job.noted = true
      if (job.to === undefined) noteThrow(job.name, 'deadline', job.started)
      else doubt('unclear', job.to, 'mail-unanswered', job.started)
    }
  }

  let probing: Promise<SendOutcome> | undefined
  let lastProbe = -Infinity

  /** Connects without an email, unless that was done just now. @returns undefined where it was not done */
  async function probe(startedAt = clock()): Promise<SendOutcome | undefined> {
    if (verify === undefined || probing !== undefined || clock() - lastProbe < times.probe) return undefined
    lastProbe = clock()
    probing = verify(times.probe)
    const outcome = await probing
    probing = undefined
    if (!outcome.ok)
      fail(stopsEveryEmail(outcome.cause) ? outcome.cause : 'server', outcome.reason, startedAt)
    return outcome
  }

  /** A connection that works ends a failure to connect, once no job waits whose attempt would tell better. */
  async function probeWhenIdle({ failing, cause, waiting }: MailFacts): Promise<void> {
    if (failing === null || waiting > 0 || !isStopCause(cause) || !connectionCauses.includes(cause)) return
    const began = clock()
    const outcome = await probe()
    if (outcome?.ok === true) await clear(connectionCauses, clock() - began)
  }

  async function clear(causes: StopCause[], age: number): Promise<void> {
    await writing
    if (failure !== undefined && causes.includes(failure.cause)) failure = undefined
    await state
      .clear(causes, age)
      .catch((error: unknown) => log.debug({ err: error, event: 'mail_state_unknown' }))
  }

  const heartbeat = setInterval(() => {
    noteSilence()
    void write()
  }, times.heartbeat)
  heartbeat.unref()
  void write()

  return {
    watchSending,
    watchHandlers,
    noteThrow,
    probeWhenIdle,
    /** Tries the mail server once and logs `mail_ready` or `mail_stopped`; never throws. */
    async tryOut(): Promise<void> {
      const outcome = await probe()
      if (outcome?.ok === false && !stopsEveryEmail(outcome.cause))
        log.error({ event: 'mail_stopped', cause: 'server', reason: outcome.reason, hint: stopHints.server })
    },
    /** Writes what is left to write. */
    async stop(): Promise<void> {
      stopped = true
      clearInterval(heartbeat)
      await writing
      await write()
    },
  }
}
