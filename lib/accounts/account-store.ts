import type { Transaction } from '@/lib/database/pool'
import type { Account, SignedState } from './account'

/** The account attributes that a typed login is compared with. */
export type LoginAttributes = readonly ('username' | 'email')[]

/**
 * The longest login by which a link can be requested, in UTF-16 code units: 64 for a local part, 1 for the @ and 255 for a domain
 * (RFC 5321 §4.5.3.1). A request with a longer login gets the response to an unknown login.
 */
export const maxLoginLength = 320

/** A look-up took too long, or waited too long for other look-ups. The message says what to do, and does not contain the login. */
export class LookUpTimedOut extends Error {
  /** "query_canceled" (PostgreSQL, Appendix A), so that `isDatabaseUnavailable` holds for this error, too. */
  readonly code = '57014'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LookUpTimedOut'
  }
}

/**
 * Reads accounts and replaces their passwords. Ids are texts, whatever the type of their column. An account includes what Rekey itself
 * stores about it, such as the epoch of its links.
 */
export type AccountStore = {
  /** Identifies the users table in Rekey's own rows and in the MACs of links: `public.auth_user`, or empty for Rekey's own table. */
  readonly identity: string

  /**
   * Finds the accounts of a typed login, oldest first. A username must match as the mapping's `usernameStored` says; by default
   * exactly, with accented letters composed or decomposed. An email address must match in canonical form. The rows are compared once
   * more in this process, because a collation of the database may treat different texts as equal.
   *
   * A search by email address leaves out accounts that are inactive or have no password. Still, an account in the result may not be
   * resettable: the caller must check `isResettable`.
   *
   * @param choose gets the ids of an email address's accounts, oldest first, and returns those to read; by default all
   * @throws LookUpTimedOut
   */
  findByLogin(
    login: string,
    fields: LoginAttributes,
    choose?: (ids: string[]) => string[],
  ): Promise<Account[]>

  /**
   * Finds the ids of an email address's accounts, oldest first, a thousand at most.
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

  /** Runs the statement of `read` with an invented id, so that a simulated email costs the database about as much as a real one. */
  simulateRead(): Promise<void>

  /** Reads at most `most` accounts, oldest first. */
  list(most: number): Promise<Account[]>

  /** Reads at most `most` accounts, in no particular order: the check at start must not sort a table of millions. */
  sample(most: number): Promise<Account[]>

  /**
   * Replaces the password if the account is resettable and still in the state that the link was signed with. Then deletes the
   * rows that the mapping's `end` names, such as sessions. Locks the account's row, the row of the hash and Rekey's own row before it
   * compares their contents, so that the second of two concurrent resets finds the state that the first one left.
   *
   * @param bindPassword whether the hash must be the signed one, too; false if links may be used more than once
   * @returns `endedSignIns`: how many deleted rows were sessions or tokens that sign in. Null if there is no such account, or if the
   *   account is in another state or not resettable: then neither its password nor its sessions changed
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
