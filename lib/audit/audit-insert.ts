import type { BatchBounds } from '@/lib/database/batch-queue'
import type { Database } from '@/lib/database/pool'
import { createStatementQueue } from '@/lib/database/statement-queue'

/** A row of the audit log; the database adds its id and its time. */
export type AuditRow = {
  event: string
  accountId: string | null
  requestId: string | null
  client: string | null
  reason: string | null
  actor: string | null
}

/** More rows may wait than a process has requests and jobs in progress, so that none is rejected. */
const bounds: BatchBounds = { waiting: 2000, underWay: 2, perClient: 1, size: 200 }

/**
 * Creates the function that stores a row of the audit log. Rows that wait in this process share a statement, and each caller continues
 * when this statement is committed. A null stores nothing, but waits and goes to the database like a row: `AuditLog.simulate` passes it
 * for a simulated email.
 *
 * @param usersTable the identity of the users table, which every row contains
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
