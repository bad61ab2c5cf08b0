import type { Database } from '@/lib/database/pool'
import { createMailStateStore, type MailFacts } from '@/lib/mail-health/state'
import { assessMailHealth } from '@/lib/mail-health/verdict'

/** @returns the exit code: 0 if nothing is known to stop all emails, else 1 @throws if the database is unavailable */
export async function printMailHealth(database: Database, asJson: boolean): Promise<number> {
  const facts = await createMailStateStore(database).read()
  const verdict = assessMailHealth(facts)
  if (asJson) console.log(JSON.stringify({ ...verdict, ages: facts }))
  else for (const line of describeMailHealth(facts)) console.log(line)
  return verdict.status === 'ok' ? 0 : 1
}

export function describeMailHealth(facts: MailFacts): string[] {
  const verdict = assessMailHealth(facts)
  const { accepted, failing, workerSeen, waiting, due, reason } = facts
  const isFailing = verdict.status === 'failing'
  const lines = [
    isFailing
      ? 'No email leaves.'
      : accepted === null
        ? 'Nothing is known to be wrong; no email has left yet.'
        : 'Emails leave.',
  ]
  if (isFailing) {
    const why = verdict.reason === undefined ? verdict.cause : `${verdict.cause} (${verdict.reason})`
    lines.push(`Failing since ${verdict.since.toISOString()}: ${why}.`, verdict.hint)
  } else if (failing !== null) {
    lines.push(`The last attempts failed: ${facts.cause} (${reason}); more are made.`)
  }
  lines.push(
    `Last email accepted by the mail server: ${ago(accepted)}.`,
    `Worker last seen: ${ago(workerSeen)}.`,
    waiting === 0
      ? 'No job waits.'
      : `Jobs that wait: ${waiting}${due === null ? ', each for its next attempt' : `, the oldest for ${duration(due)}`}.`,
  )
  return lines
}

function ago(milliseconds: number | null): string {
  return milliseconds === null ? 'never' : `${duration(milliseconds)} ago`
}

/** For example `3 minutes`, rounded down. */
function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const units = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ] as const
  const [size, name] = units.find(([unit]) => seconds >= unit) ?? [1, 'second']
  const count = Math.floor(seconds / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
