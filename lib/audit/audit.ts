import { clientNetwork } from '@/lib/addresses/client-ip'
import type { Database, Transaction } from '@/lib/database/pool'
import { epochMilliseconds, toDate } from '@/lib/database/instants'
import type { Log } from '@/lib/logging/log'
import { Prisma } from '@/prisma/client/client'
import { createAuditInsert } from './audit-insert'

/** Each event with its name in the log, from OWASP's logging vocabulary or in its style. */
export const auditEvents = {
  requested: 'authn_password_reset_requested',
  limited: 'excess_rate_limit_exceeded',
  sent: 'authn_token_created',
  held: 'authn_token_held_back',
  failed: 'authn_token_undelivered',
  reused: 'authn_token_reuse',
  refused: 'authn_password_change_fail',
  changed: 'authn_password_change',
  sessionsEnded: 'session_expired',
  notified: 'authn_password_change_notified',
  cancelled: 'authn_token_revoked',
  opened: 'authn_token_opened',
  printed: 'authn_token_printed',
  limitLifted: 'excess_rate_limit_lifted',
} as const

/** The log and the table have the event's value in `auditEvents`. */
export type AuditEventKey = keyof typeof auditEvents

export type AuditFacts = {
  accountId?: string | undefined
  requestId?: string | undefined
  /** The client's IP address; only its network is stored. */
  client?: string | undefined
  /** Must not contain what a visitor typed. */
  reason?: string | undefined
  /** The name of the supporter who caused the event; undefined if a visitor or Rekey itself did. */
  actor?: string | undefined
}

/** `event` is a value of {@link auditEvents}, unless another version of Rekey wrote the entry. */
export type HistoryEntry = {
  at: Date
  event: string
  /** A network; null if it is unknown. */
  client: string | null
  reason: string | null
  requestId: string | null
  actor: string | null
}

export type AuditLog = ReturnType<typeof createAuditLog>

/** Creates the audit log, which writes to the process's log and to an append-only table. */
export function createAuditLog(
  { pool, queries, names }: Pick<Database, 'pool' | 'queries' | 'names'>,
  usersTable: string,
  log: Log,
) {
  const insert = createAuditInsert({ pool, names }, usersTable)

  /** Records an event. If `tx` is rolled back, the row is gone, but the line in the log stays. @throws if the row cannot be stored */
  async function record(event: AuditEventKey, facts: AuditFacts, tx?: Transaction): Promise<void> {
    const entry = entryOf(event, facts)
    if (tx === undefined) await insert({ ...entry, actor: entry.actor ?? null })
    else
      await tx.$executeRaw`
        INSERT INTO ${names.audit} ("event", "users_table", "account_id", "request_id", "client", "reason", "actor")
        VALUES (${entry.event}, ${usersTable}, ${entry.accountId}, ${entry.requestId}, ${entry.client}, ${entry.reason},
                ${entry.actor ?? null})`
    log.info(entry)
  }

  /** Writes an event to the process's log only: a row for each such event could let an attacker fill the database. */
  function logOnly(event: AuditEventKey, facts: AuditFacts): void {
    log.info(entryOf(event, facts))
  }

  /** Waits and goes to the database as {@link record} without a transaction does, but records nothing. */
  function simulate(): Promise<void> {
    return insert(null)
  }

  /** Records an event; logs a failure instead of throwing. */
  async function recordBestEffort(event: AuditEventKey, facts: AuditFacts): Promise<void> {
    await record(event, facts).catch((error: unknown) =>
      log.error({ err: error, event: 'audit_failed', missing: auditEvents[event] }),
    )
  }

  /** Returns an account's events, sorted by `at`: of two concurrent transactions, the one that began later may get the lower id. */
  async function history(accountId: string): Promise<HistoryEntry[]> {
    const rows = await queries.$queryRaw<(Omit<HistoryEntry, 'at'> & { at: bigint })[]>`
      SELECT ${epochMilliseconds(Prisma.sql`"at"`)} AS "at", "event", "client", "reason", "actor", "request_id" AS "requestId"
        FROM ${names.audit} WHERE "account_id" = ${accountId} AND "users_table" = ${usersTable} ORDER BY ${names.audit}."at", "id"`
    return rows.map((row) => ({ ...row, at: toDate(row.at) }))
  }

  /**
   * Deletes entries that are older than `retention` (seconds) and older than a week. Calls a database function, because a trigger rejects a
   * plain DELETE.
   */
  async function purge(retention: number): Promise<void> {
    await queries.$executeRaw`SELECT ${names.purgeAudit}(make_interval(secs => ${retention}))`
  }

  return { usersTable, record, logOnly, simulate, recordBestEffort, history, purge }
}

function entryOf(event: AuditEventKey, facts: AuditFacts) {
  const { accountId = null, requestId = null, reason = null, actor } = facts
  const client = facts.client === undefined ? null : (clientNetwork(facts.client) ?? null)
  return {
    event: auditEvents[event],
    accountId,
    requestId,
    client,
    reason,
    ...(actor !== undefined && { actor }),
  }
}
