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

/** Prints a row as docs/reliability.md has it. */
export function printFaultRow({ fault, caused, accepted, delivered, duplicates, lost }: FaultRow): void {
  console.log(`| ${[fault, caused, accepted, delivered, duplicates, lost].join(' | ')} |`)
}
