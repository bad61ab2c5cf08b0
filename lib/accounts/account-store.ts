import type { Transaction } from '@/lib/database/pool'
import type { Account, SignedState } from './account'

export type LoginAttributes = readonly ('username' | 'email')[]

/** UTF-16 code units: 64 for a local part, 1 for the @ and 255 for a domain (RFC 5321 §4.5.3.1). */
export const maxLoginLength = 320

/** PostgreSQL cancelled a look-up that took too long, or the look-up waited too long for its turn. */
export class LookUpTimedOut extends Error {
  /** "query_canceled" (PostgreSQL, Appendix A), so that `isDatabaseUnavailable` holds for this error, too. */
  readonly code = '57014'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LookUpTimedOut'
  }
}

/**
 * Reads accounts and replaces their passwords. Ids are texts, whatever the type of their column. "Oldest first" means by the
 * mapping's `createdAt` or, without it, by id.
 */
export type AccountStore = {
  /** Identifies the users table: `public.auth_user`, or empty for Rekey's own table. */
  readonly identity: string

  /**
   * Finds the accounts of a typed login, oldest first. The caller must check `isResettable`. Email addresses match in canonical form.
   *
   * @param choose selects among the ids found by email address; by default all
   * @throws LookUpTimedOut
   */
  findByLogin(
    login: string,
    fields: LoginAttributes,
    choose?: (ids: string[]) => string[],
  ): Promise<Account[]>

  /**
   * Finds the ids of at most a thousand accounts with an email address, oldest first. A collation may add accounts with other addresses.
   *
   * @param resettable true (the default) leaves out accounts that are inactive or have no password
   * @throws LookUpTimedOut
   */
  findIdsByEmail(email: string, resettable?: boolean): Promise<string[]>

  /**
   * Finds the account with exactly this username or, in a table without usernames, with this email address in canonical form.
   *
   * @returns null if there are none or several
   * @throws LookUpTimedOut
   */
  findOne(login: string): Promise<Account | null>

  /** Reads an account and the database's clock in one statement. The account is null if none has this id. */
  read(id: string): Promise<{ account: Account | null; now: Date }>

  /** Runs the statement of `read` with an invented id: a simulated email must cost the database about as much as a real one. */
  simulateRead(): Promise<void>

  /** Reads at most `most` accounts, oldest first. */
  list(most: number): Promise<Account[]>

  /** Reads at most `most` accounts in no particular order, because sorting a large table is slow. */
  sample(most: number): Promise<Account[]>

  /**
   * Replaces the password if the account is resettable and still in the state that the link was signed with, then deletes the rows of
   * the mapping's `end`. Locks rows before it compares them, so that the second of two concurrent resets sees the first one's change.
   *
   * @param bindPassword whether the hash must be the signed one, too; false if links may be used more than once
   * @returns how many deleted rows were sessions or tokens that sign in; null, without a change,
   *   if the account is not resettable or in another state
   * @throws Error if the update changed no row or several; the caller must then roll back the transaction
   */
  replacePassword(
    tx: Transaction,
    id: string,
    signed: SignedState,
    newHash: string,
    options: { bindPassword: boolean },
  ): Promise<{ endedSignIns: number } | null>
}
