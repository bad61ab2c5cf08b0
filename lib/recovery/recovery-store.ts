import type { Database, Transaction } from '@/lib/database/pool'
import { createEmailReservations } from './email-reservations'

/** Seconds. Longer than a link lives: purging an epoch must not make revoked links valid again. */
const recoveryRetention = 8 * 86_400

export type RecoveryStore = ReturnType<typeof createRecoveryStore>

/** Creates the store of what Rekey itself keeps about accounts. A row may outlive its account until it is purged. */
export function createRecoveryStore(
  database: Pick<Database, 'pool' | 'queries' | 'names' | 'schemas' | 'sharedSession'>,
  usersTable: string,
) {
  const { queries } = database
  const { recovery } = database.names

  /** Deletes the reservation of a job, if there is one. */
  async function releaseEmail(id: string, jobId: string): Promise<void> {
    await queries.$executeRaw`
      UPDATE ${recovery} SET
        "updated_at" = now(),
        "email_jobs" = ARRAY(SELECT s."job" FROM unnest("email_jobs", "email_times") AS s("job", "at")
                              WHERE s."job" <> ${jobId}::uuid),
        "email_times" = ARRAY(SELECT s."at" FROM unnest("email_jobs", "email_times") AS s("job", "at")
                               WHERE s."job" <> ${jobId}::uuid)
      WHERE "users_table" = ${usersTable} AND "account_id" = ${id} AND ${jobId}::uuid = ANY ("email_jobs")`
  }

  /**
   * Revokes the links of an account and pauses its emails with links for `pause` seconds. Returns false, without a change, if the row has
   * another epoch than `signedEpoch`: a "this wasn't me" link works once.
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

  /** Revokes the links of an account, whatever their epoch, without a pause of its emails. */
  async function revokeAllLinks(tx: Transaction, id: string): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO ${recovery} AS r ("users_table", "account_id", "links_epoch") VALUES (${usersTable}, ${id}, 1)
      ON CONFLICT ("users_table", "account_id") DO UPDATE SET "updated_at" = now(), "links_epoch" = r."links_epoch" + 1`
  }

  /** Postpones the purge of an account's row by `recoveryRetention`: without the row, a link signed with its epoch would be invalid. */
  async function postponePurge(id: string): Promise<void> {
    await queries.$executeRaw`
      UPDATE ${recovery} SET "updated_at" = now() WHERE "users_table" = ${usersTable} AND "account_id" = ${id}`
  }

  /** Deletes the reservations and the pause of an account's emails. */
  async function forgetEmails(id: string): Promise<void> {
    await queries.$executeRaw`
      UPDATE ${recovery} SET "updated_at" = now(), "email_jobs" = '{}', "email_times" = '{}', "emails_paused_until" = NULL
       WHERE "users_table" = ${usersTable} AND "account_id" = ${id}`
  }

  /**
   * Deletes rows that have not changed for `recoveryRetention`, unless a pause lasts. Locks rows in the same order as reservations do, and
   * skips locked ones, so that purging and reserving do not deadlock.
   */
  async function purge(): Promise<void> {
    await queries.$executeRaw`
      DELETE FROM ${recovery} WHERE ("users_table", "account_id") IN (
        SELECT "users_table", "account_id" FROM ${recovery}
         WHERE "updated_at" < now() - make_interval(secs => ${recoveryRetention})
           AND ("emails_paused_until" IS NULL OR "emails_paused_until" < now())
         ORDER BY "users_table", "account_id" FOR UPDATE SKIP LOCKED)`
  }

  return {
    ...createEmailReservations(database, usersTable),
    releaseEmail,
    revokeLinks,
    revokeAllLinks,
    postponePurge,
    forgetEmails,
    purge,
  }
}
