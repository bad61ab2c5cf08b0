import type { Transaction } from '@/lib/database/pool'
import type { Account, LinkState } from './account'

/** The account attributes that a typed login is compared with. */
export type LoginAttributes = readonly ('username' | 'email')[]

/**
 * The longest login that is looked up, in UTF-16 code units: 64 of a mailbox, an @ and 255 of a domain (RFC 5321 §4.5.3.1). A
 * longer username is not found.
 */
export const maxLoginLength = 320

/** A look-up took too long, or waited too long for others. The message says what to do, and names no login. */
export class LookUpTimedOut extends Error {
  /** "query_canceled" (PostgreSQL, Appendix A), so that it counts as a database that is away for now. */
  readonly code = '57014'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LookUpTimedOut'
  }
}

/**
 * The only access of the reset flow to accounts. Ids are opaque texts. Each statement also reads what Rekey itself knows about an
 * account (`lib/recovery`).
 */
export type AccountStore = {
  /** Identifies the users table in Rekey's own rows and in links: `public.auth_user`; empty for Rekey's own table. */
  readonly identity: string

  /**
   * Finds the accounts of a typed login. A username must match as the mapping's `usernameStored` says; by default exactly, with
   * accented letters composed or decomposed. An email address must match in canonical form. The rows are compared once more in
   * this process, because a collation of the database may treat different texts as equal. A search by email address finds only
   * resettable accounts, and `choose` limits their number.
   *
   * @param choose selects among the ids of an email address's accounts, oldest first; by default all
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
   * @param resettable false also finds accounts that may not be reset
   * @throws LookUpTimedOut
   */
  findIdsByEmail(email: string, resettable?: boolean): Promise<string[]>

  /**
   * Finds the account with exactly this username or, in a table without usernames, this email address; null if none or several.
   */
  findOne(login: string): Promise<Account | null>

  /** Reads an account and the database's clock in one statement; the account is null if no account has this id. */
  read(id: string): Promise<{ account: Account | null; now: Date }>

  /** Costs the same as {@link read}: reads an id that no account has. */
  simulateRead(): Promise<void>

  /** Reads at most `most` accounts, oldest first. */
  list(most: number): Promise<Account[]>

  /** Reads at most `most` accounts in no order: a start must not sort a table of millions. */
  sample(most: number): Promise<Account[]>

  /**
   * Replaces the password if the account is still in the state that the link was signed against, and deletes the rows of the
   * mapping's `end`, such as sessions. Locks the account's row, the row of the hash and Rekey's own row, then compares: of two
   * concurrent resets, the second finds a changed state.
   *
   * @param bindPassword false if links may be used more than once: a changed password is then no reason to stop
   * @returns how many rows of `end` were deleted that sign in, such as sessions; null if the password was not replaced
   * @throws Error if not exactly one row would change; the transaction is then rolled back
   */
  replacePassword(
    tx: Transaction,
    id: string,
    signed: LinkState,
    newHash: string,
    options: { bindPassword: boolean },
  ): Promise<{ endedSignIns: number } | null>
}
