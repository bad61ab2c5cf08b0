import { Prisma } from '@/prisma/client/client'
import type { Database } from '@/lib/database/pool'
import { epochMilliseconds } from '@/lib/database/instants'
import type { StopCause } from './stops'
import type { QueueName } from '@/lib/queue/queue'

/** The queues whose jobs end in emails. */
export const emailQueues: QueueName[] = ['link-request', 'link-email', 'changed-email']

/** What is known of the emails of the installation. All times are ages in milliseconds, by the database's clock. */
export type MailFacts = {
  /** The database's clock, in milliseconds since the epoch. */
  now: number
  /** Since any worker said that it runs; null: none ever did. */
  workerSeen: number | null
  /** Since the mail server last accepted an email. */
  accepted: number | null
  /** Since the last failure of a kind that would meet every email. */
  failed: number | null
  /** Since when every attempt fails; null: the last one did not. */
  failing: number | null
  /** What the last failure was, kept after it is over. */
  cause: string | null
  reason: string | null
  /** Since the failure was last logged; null: it is not logged, or over. */
  reported: number | null
  /** Jobs that are not finished, those in a pause before their next attempt included. */
  waiting: number
  /** Since the oldest unfinished job could be taken; jobs in a pause do not count. */
  due: number | null
  /** Since the oldest request was made that no worker has taken yet. */
  untaken: number | null
  /** Since any job ended. */
  ended: number | null
}

/** What a worker saw. Times are ages in milliseconds. */
export type MailNews = {
  /** Of the last email that the mail server accepted. */
  accepted?: number | undefined
  failure?: { cause: StopCause; reason: string; failed: number; started: number } | undefined
}

export type MailState = ReturnType<typeof createMailState>

/**
 * Whether emails leave, on one row that all workers write: the newest acceptance or failure of any of them counts.
 * Every function throws when the database is away.
 */
export function createMailState({ prisma, names }: Pick<Database, 'prisma' | 'names'>) {
  const { mailState: table, jobs } = names

  /** Writes that a worker runs, and what it saw. An older acceptance or failure does not replace a newer one. */
  async function write({ accepted, failure }: MailNews): Promise<void> {
    const { cause = null, reason = null } = failure ?? {}
    const [failed, began] = [ago(failure?.failed), ago(failure?.started)]
    const newestAcceptance = Prisma.sql`greatest("accepted_at", ${ago(accepted)})`
    const newestFailure = Prisma.sql`greatest("failed_at", ${failed})`
    const isNews = Prisma.sql`${failed} >= coalesce("failed_at", '-infinity')`
    await prisma.$executeRaw`
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

  /** Ends a failure of these causes whose last sign is older than `age` milliseconds. */
  async function clear(causes: StopCause[], age: number): Promise<void> {
    await prisma.$executeRaw`
      UPDATE ${table} SET "failing_since" = NULL
       WHERE "failing_since" IS NOT NULL AND "cause" = ANY (${causes}) AND "failed_at" <= ${ago(age)}`
  }

  async function read(): Promise<MailFacts> {
    const [row] = await prisma.$queryRaw<[Row]>`
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

  /** Whether the caller is the one who logs the failure now: at most one in `repeat` milliseconds, of all processes. */
  async function claimReport(repeat: number): Promise<boolean> {
    const changed = await prisma.$executeRaw`
      UPDATE ${table} SET "reported_at" = now() WHERE "reported_at" IS NULL OR "reported_at" <= ${ago(repeat)}`
    return changed === 1
  }

  /** Whether the caller is the one who logs that the failure is over. */
  async function closeReport(): Promise<boolean> {
    const changed = await prisma.$executeRaw`
      UPDATE ${table} SET "reported_at" = NULL WHERE "reported_at" IS NOT NULL`
    return changed === 1
  }

  return { write, clear, read, claimReport, closeReport }
}

type Row = { [Name in keyof MailFacts]: Name extends 'cause' | 'reason' ? string | null : bigint | null }

/** The instant so many milliseconds ago, by the database's clock; null for no age. */
function ago(milliseconds: number | undefined): Prisma.Sql {
  return Prisma.sql`(now() - ${milliseconds ?? null}::float8 * interval '1 millisecond')`
}

/** Milliseconds since an instant. */
function age(instant: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`floor(extract(epoch FROM now() - ${instant}) * 1000)::bigint`
}
