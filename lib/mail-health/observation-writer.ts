import type { Log } from '@/lib/logging/log'
import type { MailObservations, MailStateStore } from './state'
import type { StopCause } from './stop-causes'
import type { MailTimes } from './verdict'

type Parts = {
  state: Pick<MailStateStore, 'write' | 'clear'>
  log: Log
  times: Pick<MailTimes, 'write'>
  /** Called after each attempt to store a failure, even if the database did not store it. */
  onFailure: (() => void) | undefined
}

/** Returns the milliseconds of a monotonic clock. */
export const monotonicNow = () => performance.now()

/**
 * Creates the writer of what a worker observes of the mail server: the last accepted email and the last failure. It writes once the
 * previous write is `times.write` milliseconds old, unless `write` or `stop` writes earlier. A write that fails is dropped.
 */
export function createObservationWriter({ state, log, times, onFailure }: Parts) {
  let stopped = false
  let acceptedAt: number | undefined
  let failure: { cause: StopCause; reason: string; failedAt: number; startedAt: number } | undefined

  let writing: Promise<void> | undefined
  let lastWrite = -Infinity
  let due: NodeJS.Timeout | undefined

  function writeSoon(): void {
    if (!stopped)
      due ??= setTimeout(() => void write(), Math.max(0, lastWrite + times.write - monotonicNow()))
  }

  /** Writes now, even without an observation, because a write is the worker's heartbeat. Concurrent calls share one write. */
  function write(): Promise<void> {
    clearTimeout(due)
    due = undefined
    return (writing ??= attemptWrite().finally(() => {
      writing = undefined
      if (acceptedAt !== undefined || failure !== undefined) writeSoon()
    }))
  }

  async function attemptWrite(): Promise<void> {
    lastWrite = monotonicNow()
    const news: MailObservations = {
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
    acceptedAt = monotonicNow()
    writeSoon()
  }

  /** @param startedAt when the failed attempt began, by {@link monotonicNow} */
  function fail(cause: StopCause, reason: string, startedAt: number): void {
    const first = Math.min(failure?.startedAt ?? startedAt, startedAt)
    // `acceptedAt` is kept: the statement that writes both compares their times.
    failure = { cause, reason, failedAt: monotonicNow(), startedAt: first }
    writeSoon()
  }

  /** Ends a failure of one of these causes, stored or not, unless it recurred in the last `age` milliseconds. */
  async function clear(causes: StopCause[], age: number): Promise<void> {
    await writing
    if (failure !== undefined && causes.includes(failure.cause) && monotonicNow() - failure.failedAt >= age)
      failure = undefined
    await state
      .clear(causes, age)
      .catch((error: unknown) => log.debug({ err: error, event: 'mail_state_unknown' }))
  }

  /** Writes the remaining observations, and schedules no further write. */
  async function stop(): Promise<void> {
    stopped = true
    await writing
    await write()
  }

  return { accept, fail, clear, write, stop }
}
