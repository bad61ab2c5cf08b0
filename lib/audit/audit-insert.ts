import type { BatchBounds } from '@/lib/database/batch-queue'
import type { Database } from '@/lib/database/pool'
import { createStatementQueue } from '@/lib/database/statement-queue'

type AuditRow = {
  event: string
  accountId: string | null
  requestId: string | null
  client: string | null
  reason: string | null
  actor: string | null
}

/** `waiting` is above the number of requests and jobs that a process handles at once. */
const bounds: BatchBounds = { waiting: 2000, underWay: 2, perClient: 1, size: 200 }

/**
 * Creates the function that stores a row of the audit log. Waiting rows share a statement, and each call resolves after its commit. A
 * null waits and goes to the database like a row, but stores nothing.
 */
export function createAuditInsert(
  { pool, names }: Pick<Database, 'pool' | 'names'>,
  usersTable: string,
): (row: AuditRow | null) => Promise<void> {
  const text = `
    INSERT INTO ${names.audit.sql} ("event", "account_id", "request_id", "client", "reason", "actor", "users_table")
    SELECT e."event", e."account_id", e."request_id", e."client", e."reason", e."actor", $7
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
           AS e("event", "account_id", "request_id", "client", "reason", "actor", "at")
     WHERE e."event" IS NOT NULL ORDER BY e."at"`

  async function insert(rows: readonly (AuditRow | null)[]): Promise<void[]> {
    const column = (name: keyof AuditRow) => rows.map((row) => row?.[name] ?? null)
    await pool.query(text, [
      column('event'),
      column('accountId'),
      column('requestId'),
      column('client'),
      column('reason'),
      column('actor'),
      usersTable,
    ])
    return rows.map(() => undefined)
  }

  return createStatementQueue(insert, bounds).add
}
