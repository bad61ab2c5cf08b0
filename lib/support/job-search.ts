import { epochMilliseconds, toDate } from '@/lib/database/instants'
import type { Database } from '@/lib/database/pool'
import { Prisma } from '@/prisma/client/client'

export type FoundJob = {
  id: string
  kind: 'link-request' | 'link-email'
  requestId: string
  /** pg-boss's state of the job: `created` and `retry` wait, `active` runs, the others are finished. */
  state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed'
  createdAt: Date
  requestedAt: Date
  dueAt: Date
  /** The code of the last failure; null if none is stored. */
  reason: string | null
}

/** Creates the search for an account's jobs. It reads the whole queue, so it is too slow for HTTP requests. */
export function createJobSearch({ queries, names: { jobs } }: Pick<Database, 'queries' | 'names'>) {
  /**
   * Returns the account's jobs that lead to emails with links, oldest first.
   *
   * @param logins by which a request may have named the account; compared without regard to case
   */
  async function ofAccount(accountId: string, logins: string[]): Promise<FoundJob[]> {
    type Row = Omit<FoundJob, 'createdAt' | 'requestedAt' | 'dueAt'> & {
      createdAt: bigint
      requestedAt: bigint
      dueAt: bigint
    }
    const rows = await queries.$queryRaw<Row[]>`
      SELECT "id"::text AS "id", "name" AS "kind", "data" ->> 'requestId' AS "requestId", "state"::text AS "state",
             ${epochMilliseconds(Prisma.sql`"created_on"`)} AS "createdAt",
             COALESCE(("data" ->> 'requestedAt')::bigint * 1000, ${epochMilliseconds(Prisma.sql`"created_on"`)}) AS "requestedAt",
             ${epochMilliseconds(Prisma.sql`"start_after"`)} AS "dueAt",
             "output" ->> 'reason' AS "reason"
        FROM ${jobs}
       WHERE "name" = 'link-email' AND "data" ->> 'accountId' = ${accountId}
          OR "name" = 'link-request' AND ("data" #>> '{target,accountId}' = ${accountId}
                                          OR lower("data" #>> '{target,login}') = ANY (${logins.map((login) => login.toLowerCase())}))
       ORDER BY ${jobs}."created_on", "id"`
    return rows.map((row) => ({
      ...row,
      createdAt: toDate(row.createdAt),
      requestedAt: toDate(row.requestedAt),
      dueAt: toDate(row.dueAt),
    }))
  }

  /** Cancels an account's waiting emails with links. @returns how many */
  function cancelLinkEmails(accountId: string): Promise<number> {
    return queries.$executeRaw`
      UPDATE ${jobs} SET "state" = 'cancelled', "completed_on" = now()
       WHERE "name" = 'link-email' AND "data" ->> 'accountId' = ${accountId} AND "state" < 'active'`
  }

  return { ofAccount, cancelLinkEmails }
}
