import { randomInt, randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Database, Transaction } from '@/lib/database/pool'
import { Prisma } from '@/prisma/client/client'

/** How many emails an account gets: one per `cooldown` seconds, and `perAccount` in all. */
export type AccountEmailLimits = { cooldown: number; perAccount: { count: number; seconds: number } }

/** Seconds after its last change until a row is purged. */
const recoveryRetention = 8 * 86_400

export type RecoveryStore = ReturnType<typeof createRecoveryStore>

/**
 * Creates the store of the facts that Rekey itself keeps about accounts: the epoch of their links, a pause of their emails, and
 * the emails of the last hours. A row has the account's id as text and no foreign key, so it may outlive its account until it is
 * purged.
 *
 * @param usersTable the identity of the users table, which is part of each row's key
 */
export function createRecoveryStore(
  { pool, prisma, names: { recovery } }: Pick<Database, 'pool' | 'prisma' | 'names'>,
  usersTable: string,
) {
  /** Runs a statement of every email: Prisma would take this process longer than the database. */
  const run = async <Row extends pg.QueryResultRow>({ text, values }: Prisma.Sql): Promise<Row[]> =>
    (await pool.query<Row>(text, values)).rows

  /**
   * Reserves one of an account's emails for a job: at most one email per cool-down and a few per window, whatever was
   * typed to request them. One statement counts and reserves under the row's lock, so that parallel jobs cannot both take
   * the last one. `now()` is fixed before the lock wait, so another reservation may look newer than it.
   *
   * @param bypass set for the reset that "this wasn't me" starts: skips pause, cool-down and window. Each takes an email
   *   about a changed password that works once, so no stranger can cause one; how many a person can cause for an account
   *   of their own is limited where it starts.
   * @param keepFor seconds that a reservation is remembered, so that a retry of the same job passes
   * @param linkEnds when the email's link expires. Without a cool-down, the reservation is backdated so that it frees
   *   when its link expires: an email that was delayed must not hold back the next one for longer than its link lives
   * @returns null where the job has no reservation, neither now nor since an earlier attempt. During a pause no job has
   *   one: an email that was put off would carry a link that is signed anew, and so lives. `first`: whether no email of
   *   the window was reserved before this one. `linksEpoch`: the account's, which its link must be signed with
   */
  async function reserveEmail(
    id: string,
    jobId: string,
    limits: AccountEmailLimits,
    { bypass, keepFor, linkEnds }: { bypass: boolean; keepFor: number; linkEnds: Date },
  ): Promise<{ first: boolean; linksEpoch: number } | null> {
    const linkAt = linkEnds.getTime() / 1000 - limits.perAccount.seconds
    const at = limits.cooldown > 0 ? Prisma.sql`now()` : Prisma.sql`LEAST(now(), to_timestamp(${linkAt}))`
    const [reserved] = await run<{ first: boolean; linksEpoch: number }>(Prisma.sql`
      INSERT INTO ${recovery} AS r ("users_table", "account_id", "email_jobs", "email_times")
      VALUES (${usersTable}, ${id}, ARRAY[${jobId}::uuid], ARRAY[${at}])
      ON CONFLICT ("users_table", "account_id") DO UPDATE SET
        "updated_at" = now(),
        "email_jobs" = CASE WHEN ${jobId}::uuid = ANY (r."email_jobs") THEN r."email_jobs" ELSE ${jobId}::uuid || ARRAY(
          SELECT s."job" FROM unnest(r."email_jobs", r."email_times") AS s("job", "at")
           WHERE s."at" > now() - make_interval(secs => ${Math.max(keepFor, limits.perAccount.seconds)})) END,
        "email_times" = CASE WHEN ${jobId}::uuid = ANY (r."email_jobs") THEN r."email_times" ELSE ${at} || ARRAY(
          SELECT s."at" FROM unnest(r."email_times") AS s("at")
           WHERE s."at" > now() - make_interval(secs => ${Math.max(keepFor, limits.perAccount.seconds)})) END
      WHERE ${bypass}::boolean OR (
        (r."emails_paused_until" IS NULL OR r."emails_paused_until" <= now())
        AND (${jobId}::uuid = ANY (r."email_jobs") OR (
          NOT EXISTS (SELECT FROM unnest(r."email_times") AS s("at")
                       WHERE ${limits.cooldown > 0}::boolean AND s."at" > now() - make_interval(secs => ${limits.cooldown}))
          AND (SELECT count(*) FROM unnest(r."email_times") AS s("at")
                WHERE s."at" > now() - make_interval(secs => ${limits.perAccount.seconds})) < ${limits.perAccount.count})))
      RETURNING r."links_epoch" AS "linksEpoch", NOT EXISTS (
        SELECT FROM unnest(r."email_jobs", r."email_times") WITH ORDINALITY AS s("job", "at", "nth")
         WHERE s."nth" > array_position(r."email_jobs", ${jobId}::uuid)
           AND s."at" > now() - make_interval(secs => ${limits.perAccount.seconds})) AS "first"`)
    return reserved ?? null
  }

  /**
   * Costs the database about what {@link reserveEmail} does: writes a row that is no account's. There are a few such rows,
   * so that simulations at the same time wait for each other no more than emails to different accounts do.
   */
  async function simulateReservation(): Promise<void> {
    await run(Prisma.sql`
      INSERT INTO ${recovery} AS r ("users_table", "account_id", "email_jobs", "email_times")
      VALUES ('simulation', ${String(randomInt(64))}, ARRAY[${randomUUID()}::uuid], ARRAY[now()])
      ON CONFLICT ("users_table", "account_id") DO UPDATE SET "updated_at" = now(), "email_jobs" = EXCLUDED."email_jobs"`)
  }

  /** Gives back the reservation of a job whose email never left; does nothing for a job without one. */
  async function releaseEmail(id: string, jobId: string): Promise<void> {
    await prisma.$executeRaw`
      UPDATE ${recovery} SET
        "updated_at" = now(),
        "email_jobs" = ARRAY(SELECT s."job" FROM unnest("email_jobs", "email_times") AS s("job", "at")
                              WHERE s."job" <> ${jobId}::uuid),
        "email_times" = ARRAY(SELECT s."at" FROM unnest("email_jobs", "email_times") AS s("job", "at")
                               WHERE s."job" <> ${jobId}::uuid)
      WHERE "users_table" = ${usersTable} AND "account_id" = ${id} AND ${jobId}::uuid = ANY ("email_jobs")`
  }

  /**
   * Revokes all live links of an account and pauses its emails with links, if the epoch is still the one that a link was signed with:
   * a "this wasn't me" link works once.
   *
   * @param pause seconds
   * @returns false if the epoch is another one, so that nothing changed
   */
  async function revokeLinks(
    tx: Transaction,
    id: string,
    signedEpoch: number,
    pause: number,
  ): Promise<boolean> {
    const revoked = await tx.$executeRaw`
      INSERT INTO ${recovery} AS r ("users_table", "account_id", "links_epoch", "emails_paused_until")
      VALUES (${usersTable}, ${id}, ${signedEpoch} + 1, now() + make_interval(secs => ${pause}))
      ON CONFLICT ("users_table", "account_id") DO UPDATE SET
        "updated_at" = now(), "links_epoch" = r."links_epoch" + 1,
        "emails_paused_until" = now() + make_interval(secs => ${pause})
      WHERE r."links_epoch" = ${signedEpoch}`
    return revoked === 1
  }

  /** Revokes all live links of an account, whatever their epoch, and does not pause its emails: an operator decided it. */
  async function revokeAllLinks(tx: Transaction, id: string): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO ${recovery} AS r ("users_table", "account_id", "links_epoch") VALUES (${usersTable}, ${id}, 1)
      ON CONFLICT ("users_table", "account_id") DO UPDATE SET "updated_at" = now(), "links_epoch" = r."links_epoch" + 1`
  }

  /** Deletes the reservations and the pause of an account's emails, so that the next email may leave at once. */
  async function forgetEmails(id: string): Promise<void> {
    await prisma.$executeRaw`
      UPDATE ${recovery} SET "updated_at" = now(), "email_jobs" = '{}', "email_times" = '{}', "emails_paused_until" = NULL
       WHERE "users_table" = ${usersTable} AND "account_id" = ${id}`
  }

  /**
   * Deletes the rows that have not changed for eight days, whether or not their accounts still exist. Links live seven days at most,
   * so every link that was signed with a deleted epoch has expired.
   */
  async function purge(): Promise<void> {
    await prisma.$executeRaw`
      DELETE FROM ${recovery} WHERE "updated_at" < now() - make_interval(secs => ${recoveryRetention})
        AND ("emails_paused_until" IS NULL OR "emails_paused_until" < now())`
  }

  return { reserveEmail, simulateReservation, releaseEmail, revokeLinks, revokeAllLinks, forgetEmails, purge }
}
