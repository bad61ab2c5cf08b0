import { Prisma } from '@/prisma/client/client'
import type { Database } from '@/lib/database/pool'
import { epochMilliseconds } from '@/lib/database/instants'
import type { StopCause } from './stop-causes'
import type { QueueName } from '@/lib/queue/job-data'

/** The queues whose jobs lead to emails. */
export const emailQueues: QueueName[] = ['link-request', 'link-email', 'changed-email']

/** The mail health of the installation. Durations are milliseconds by the database's clock; null if no such event is known. */
export type MailFacts = {
  /** Milliseconds since the epoch. */
  now: number
  /** Since the last heartbeat of any worker. */
  workerSeen: number | null
  /** Since the mail server last accepted an email. */
  accepted: number | null
  /** Since the last failure that would stop every email. */
  failed: number | null
  /** How long emails have been failing without an accepted one; null if they are not. */
  failing: number | null
  /** The `StopCause` of the last failure. It stays after the failure ended, as does `reason`. */
  cause: string | null
  reason: string | null
  /** Since `emails_not_leaving` was last logged; null also after `emails_leaving_again`. */
  reported: number | null
  /** How many jobs of the email queues are unfinished, including those that wait for a retry. */
  waiting: number
  /** Since the first of these jobs became due. A job whose start or retry time is in the future is not due. */
  due: number | null
  /** The age of the oldest request for a link that no worker has fetched yet. */
  untaken: number | null
  /** Since the last job of the email queues ended. */
  ended: number | null
}

/** What a worker observed of the mail server since its last write. */
export type MailObservations = {
  /** Milliseconds since the mail server last accepted an email. */
  accepted?: number | undefined
  /**
   * The last failure that would stop every email. `failed`: milliseconds since it was observed. `started`: milliseconds since the first of
   * the attempts began that failed since the last write, of any cause.
   */
  failure?: { cause: StopCause; reason: string; failed: number; started: number } | undefined
}

export type MailStateStore = ReturnType<typeof createMailStateStore>

/** Creates the store of the mail health: one row that all processes update. Its functions throw if the database is unavailable. */
export function createMailStateStore({ queries, names }: Pick<Database, 'queries' | 'names'>) {
  const { mailState: table, jobs } = names

  /** Stores a worker's heartbeat and observations. An older observation does not replace a newer one of another worker. */
  async function write({ accepted, failure }: MailObservations): Promise<void> {
    const { cause = null, reason = null } = failure ?? {}
    const [failed, began] = [ago(failure?.failed), ago(failure?.started)]
    const newestAcceptance = Prisma.sql`greatest("accepted_at", ${ago(accepted)})`
    const newestFailure = Prisma.sql`greatest("failed_at", ${failed})`
    const isNews = Prisma.sql`${failed} >= coalesce("failed_at", '-infinity')`
    await queries.$executeRaw`
      UPDATE ${table} SET
        "worker_seen_at" = now(),
        "accepted_at" = ${newestAcceptance},
        "failed_at" = ${newestFailure},
        "failing_since" = CASE
          WHEN ${failed} IS NULL AND "failing_since" IS NULL THEN NULL
          WHEN ${newestAcceptance} >= ${newestFailure} THEN NULL
          ELSE greatest(coalesce("failing_since", ${began}), ${newestAcceptance}) END,
        "cause" = CASE WHEN ${isNews} THEN ${cause}::text ELSE "cause" END,
        "reason" = CASE WHEN ${isNews} THEN ${reason}::text ELSE "reason" END`
  }

  /** Ends a failure of one of these causes if it did not recur in the last `age` milliseconds. */
  async function clear(causes: StopCause[], age: number): Promise<void> {
    await queries.$executeRaw`
      UPDATE ${table} SET "failing_since" = NULL
       WHERE "failing_since" IS NOT NULL AND "cause" = ANY (${causes}) AND "failed_at" <= ${ago(age)}`
  }

  async function read(): Promise<MailFacts> {
    const [row] = await queries.$queryRaw<[Row]>`
      SELECT ${epochMilliseconds(Prisma.sql`now()`)} AS "now", s."cause", s."reason", j."waiting",
             ${age(Prisma.sql`s."worker_seen_at"`)} AS "workerSeen", ${age(Prisma.sql`s."accepted_at"`)} AS "accepted",
             ${age(Prisma.sql`s."failed_at"`)} AS "failed", ${age(Prisma.sql`s."failing_since"`)} AS "failing",
             ${age(Prisma.sql`s."reported_at"`)} AS "reported", ${age(Prisma.sql`j."due"`)} AS "due",
             ${age(Prisma.sql`j."untaken"`)} AS "untaken",
             (SELECT ${age(Prisma.sql`max(e."completed_on")`)} FROM ${jobs} e WHERE e."name" = ANY (${emailQueues})) AS "ended"
        FROM ${table} s CROSS JOIN (
          SELECT count(*) AS "waiting",
                 min(greatest("created_on", "start_after")) FILTER (WHERE "start_after" <= now()) AS "due",
                 min("created_on") FILTER (WHERE "name" = 'link-request' AND "state" = 'created') AS "untaken"
            FROM ${jobs} WHERE "name" = ANY (${emailQueues}) AND "state" <= 'active') j`
    const { cause, reason, ...numbers } = row
    const ages = Object.entries(numbers).map(([name, value]) => [name, value === null ? null : Number(value)])
    return { ...(Object.fromEntries(ages) as Omit<MailFacts, 'cause' | 'reason'>), cause, reason }
  }

  /** Returns true in one process per `repeat` milliseconds, which must then log the failure. */
  async function claimReport(repeat: number): Promise<boolean> {
    const changed = await queries.$executeRaw`
      UPDATE ${table} SET "reported_at" = now() WHERE "reported_at" IS NULL OR "reported_at" <= ${ago(repeat)}`
    return changed === 1
  }

  /** Returns true in one process, which must then log the end of a logged failure. */
  async function closeReport(): Promise<boolean> {
    const changed = await queries.$executeRaw`
      UPDATE ${table} SET "reported_at" = NULL WHERE "reported_at" IS NOT NULL`
    return changed === 1
  }

  return { write, clear, read, claimReport, closeReport }
}

type Row = { [Name in keyof MailFacts]: Name extends 'cause' | 'reason' ? string | null : bigint | null }

/** SQL: the instant that is this many milliseconds ago; NULL for undefined. */
function ago(milliseconds: number | undefined): Prisma.Sql {
  return Prisma.sql`(now() - ${milliseconds ?? null}::float8 * interval '1 millisecond')`
}

/** SQL: the whole milliseconds since an instant; NULL for NULL. */
function age(instant: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`floor(extract(epoch FROM now() - ${instant}) * 1000)::bigint`
}
