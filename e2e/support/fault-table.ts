import type { Member } from './crowd'
import type { MailSink } from './mail-sink'

/** A row of the table in docs/reliability.md. */
export type FaultRow = {
  fault: string
  /** How many times it was caused. */
  caused: number
  /** Requests that were answered 200. */
  accepted: number
  /** Accepted requests whose email, or whose change, arrived. */
  delivered: number
  /** Further copies of an email. */
  duplicates: number
  /** Accepted requests that came to nothing. */
  lost: number
}

/** Counts what became of accepted requests for links, by the emails that came. */
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

/** Prints a row as docs/reliability.md has it. */
export function printFaultRow({ fault, caused, accepted, delivered, duplicates, lost }: FaultRow): void {
  console.log(`| ${[fault, caused, accepted, delivered, duplicates, lost].join(' | ')} |`)
}
