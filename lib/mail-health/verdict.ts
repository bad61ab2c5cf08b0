import type { MailFacts } from './state'
import { isStopCause, stopHints, type StopCause } from './stops'

/**
 * Times in milliseconds. Together they keep a promise: whatever stops every email is logged within two minutes of the
 * first request that it meets (requirement V6).
 */
export const mailTimes = {
  /** Between two signs of life of a worker. */
  heartbeat: 20_000,
  /** Between two writes of a worker. */
  write: 5_000,
  /** Between two looks of a process at the state. */
  check: 30_000,
  /** Every attempt must have failed for so long: a worker in trouble among others that work is not the installation's. */
  failing: 60_000,
  /** A worker that gave no sign of life for so long does not run. */
  workerLost: 60_000,
  /** A job may wait for so long where no worker runs. */
  waiting: 60_000,
  /** A request may wait for so long while a worker runs and ends no job. */
  stuck: 75_000,
  /** A mail server may be silent on one email for so long before it counts. */
  silence: 60_000,
  /** Between two attempts to connect without an email, and the time that each may take. */
  probe: 30_000,
  /** Between two log lines about the same failure. */
  repeat: 600_000,
  /** A failure that nothing renewed for so long says nothing about now. */
  evidence: 3_600_000,
}

export type MailTimes = typeof mailTimes

export type MailVerdict =
  | { status: 'ok' }
  | {
      status: 'failing'
      cause: StopCause
      /** Codes; never an address. */
      reason?: string | undefined
      since: Date
      hint: string
    }

/** Whether emails leave, or what stops all of them. `ok` where nothing is known to be wrong. */
export function assessMailHealth(facts: MailFacts, times: MailTimes = mailTimes): MailVerdict {
  const { now, workerSeen, failing, failed, due, untaken, ended } = facts
  const runs = workerSeen !== null && workerSeen <= times.workerLost
  if (!runs && isOver(due, times.waiting)) return failingFor('no-worker', due)
  if (isOver(failing, times.failing) && !isOver(failed, times.evidence))
    return failingFor(isStopCause(facts.cause) ? facts.cause : 'server', failing, facts.reason ?? undefined)
  if (runs && isOver(untaken, times.stuck) && (ended === null || ended > times.stuck))
    return failingFor('queue-stuck', untaken)
  return { status: 'ok' }

  function failingFor(cause: StopCause, age: number, reason?: string): MailVerdict {
    return { status: 'failing', cause, reason, since: new Date(now - age), hint: stopHints[cause] }
  }
}

function isOver(age: number | null, limit: number): age is number {
  return age !== null && age >= limit
}
