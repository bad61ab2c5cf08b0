import type { MailFacts } from './state'
import { isStopCause, stopHints, type StopCause } from './stop-causes'

/** Times of the mail health in milliseconds, chosen for requirement V6: a failure of all emails is logged within two minutes. */
export const mailTimes = {
  heartbeat: 20_000,
  /** The least time between two writes of a worker's observations. Heartbeats and the last write before a stop do not wait for it. */
  write: 5_000,
  check: 30_000,
  /** How long emails must have been failing to count as stopped: another worker may still send some. */
  failing: 60_000,
  /** Without a heartbeat for this long, no worker counts as running. */
  workerLost: 60_000,
  /** How long a due job may wait while no worker runs. */
  waiting: 60_000,
  /** How long a request for a link may wait while a worker runs but ends no job. */
  stuck: 75_000,
  /** How long a job may run before `recordSilence` records it. */
  silence: 60_000,
  /** The least time between two connections that test the mail server, and the timeout of each. */
  probe: 30_000,
  /** The time between two log lines about emails that still do not leave. */
  repeat: 600_000,
  /** A failure that did not recur for this long is outdated. */
  evidence: 3_600_000,
}

export type MailTimes = typeof mailTimes

type MailHealth =
  | { status: 'ok' }
  | {
      status: 'failing'
      cause: StopCause
      reason?: string | undefined
      since: Date
      hint: string
    }

/** Decides whether all emails are stopped, and by what. `since` is by the database's clock. */
export function assessMailHealth(facts: MailFacts, times: MailTimes = mailTimes): MailHealth {
  const { now, workerSeen, failing, failed, due, untaken, ended } = facts
  const runs = workerSeen !== null && workerSeen <= times.workerLost
  if (!runs && isOver(due, times.waiting)) return failingFor('no-worker', due)
  if (isOver(failing, times.failing) && !isOver(failed, times.evidence))
    return failingFor(isStopCause(facts.cause) ? facts.cause : 'server', failing, facts.reason ?? undefined)
  if (runs && isOver(untaken, times.stuck) && (ended === null || ended > times.stuck))
    return failingFor('queue-stuck', untaken)
  return { status: 'ok' }

  function failingFor(cause: StopCause, age: number, reason?: string): MailHealth {
    return { status: 'failing', cause, reason, since: new Date(now - age), hint: stopHints[cause] }
  }
}

function isOver(age: number | null, limit: number): age is number {
  return age !== null && age >= limit
}
