import type { Member } from './crowd'
import type { MailSink } from './mail-sink'

/** A row of the table in docs/reliability.md. */
export type FaultRow = {
  fault: string
  caused: number
  /** Requests with the response 200. */
  accepted: number
  /** Accepted requests whose email arrived, or whose password was set. */
  delivered: number
  /** Copies of an email beyond the first. */
  duplicates: number
  lost: number
}

export function countRow(
  fault: string,
  caused: number,
  accepted: readonly Member[],
  { countTo }: Pick<MailSink, 'countTo'>,
): FaultRow {
  const counts = accepted.map(({ email }) => countTo(email))
  return {
    fault,
    caused,
    accepted: accepted.length,
    delivered: counts.filter((count) => count > 0).length,
    duplicates: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    lost: counts.filter((count) => count === 0).length,
  }
}

export function printFaultRow({ fault, caused, accepted, delivered, duplicates, lost }: FaultRow): void {
  console.log(`| ${[fault, caused, accepted, delivered, duplicates, lost].join(' | ')} |`)
}
