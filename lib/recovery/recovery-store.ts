import type { Database, Transaction } from '@/lib/database/pool'
import { createEmailReservations } from './email-reservations'

/** Seconds after its last change until a row is purged. */
const recoveryRetention = 8 * 86_400

export type RecoveryStore = ReturnType<typeof createRecoveryStore>

/**
 * Creates the store of the facts that Rekey itself keeps about accounts, such as the epoch of their links, a pause of their emails, and
 * their reserved emails. A row has the account's id as text and no foreign key, so it may outlive its account until it is purged.
 *
 * @param usersTable the identity of the users table, which is part of each row's key
 */
export function createRecoveryStore(
  database: Pick<Database, 'pool' | 'queries' | 'names' | 'schemas' | 'sharedSession'>,
  usersTable: string,
) {
  const { queries } = database
  const { recovery } = database.names

  /** Deletes the reservation of a job whose email was not sent; does nothing for a job without a reservation. */
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
   * Revokes all live links of an account and pauses its emails with links, if the epoch is still the one that a link was signed with:
   * a "this wasn't me" link works once.
   *
   * @param pause seconds
   * @returns false if the epoch is another one; then nothing changed
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

  /** Revokes all live links of an account for an operator: whatever their epoch, and without a pause of its emails. */
  async function revokeAllLinks(tx: Transaction, id: string): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO ${recovery} AS r ("users_table", "account_id", "links_epoch") VALUES (${usersTable}, ${id}, 1)
      ON CONFLICT ("users_table", "account_id") DO UPDATE SET "updated_at" = now(), "links_epoch" = r."links_epoch" + 1`
  }

  /** Deletes the reservations and the pause of an account's emails, so that the next email may leave at once. */
  async function forgetEmails(id: string): Promise<void> {
    await queries.$executeRaw`
      UPDATE ${recovery} SET "updated_at" = now(), "email_jobs" = '{}', "email_times" = '{}', "emails_paused_until" = NULL
       WHERE "users_table" = ${usersTable} AND "account_id" = ${id}`
  }

  /**
   * Deletes the rows without a pause that have not changed for eight days, even if their accounts exist. Links live seven days at most,
   * so every link that was signed with a deleted epoch has expired. Locks rows in the same order as reservations do, and skips
   * locked ones, so that purging and reserving do not deadlock.
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
    forgetEmails,
    purge,
  }
}
