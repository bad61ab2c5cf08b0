import type { Transaction } from '@/lib/database/pool'
import type { Account, LinkState } from './account'

/** What a login may be compared with. */
export type LoginFields = readonly ('username' | 'email')[]

/**
 * The longest login that an account is looked for by, in UTF-16 code units: 64 of a mailbox, an @ and 255 of a domain
 * (RFC 5321 §4.5.3.1). A username has 150 at most, as in Django.
 */
export const longestLogin = 320

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
 * The reset flow reads and writes accounts only through it. Ids are opaque texts. An account is read together with what Rekey itself
 * knows about it (`lib/recovery`), in one statement.
 */
export type AccountStore = {
  /** Identifies the users table in Rekey's own rows and in links: `public.auth_user`; empty for Rekey's own table. */
  readonly identity: string

  /**
   * The accounts that a typed login names: usernames exactly, but for the two ways in which Unicode spells an accented
   * letter; addresses by their canonical form. What SQL found is compared once more, so that no folding or collation of the
   * database decides who gets an email. Of an address, only accounts that may be reset are found, and of many only some; so
   * what is read is bounded however many there are.
   *
   * @param choose which of an address's accounts, by their ids, oldest first; by default all
   * @throws LookUpTimedOut
   */
  findByLogin(login: string, fields: LoginFields, choose?: (ids: string[]) => string[]): Promise<Account[]>

  /**
   * The ids of an address's accounts, oldest first, a thousand at most.
   *
   * @param resettable false for those that may not be reset, too
   * @throws LookUpTimedOut
   */
  findIdsByAddress(address: string, resettable?: boolean): Promise<string[]>

  /** The account with exactly this username or, where the table has none, this address; null if there is none, or several. */
  findOne(login: string): Promise<Account | null>

  /** An account and the database's clock, read together; the account is null if there is none of this id. */
  read(id: string): Promise<{ account: Account | null; now: Date }>

  /** Does the work of {@link read} for an id that no account has. */
  simulateRead(): Promise<void>

  /** Accounts, oldest first, at most `most`. */
  list(most: number): Promise<Account[]>

  /** At most `most` accounts, whichever the database reads first: a start must not sort a table of millions. */
  sample(most: number): Promise<Account[]>

  /**
   * Replaces the password if the account is still in the state that the link was signed against, and ends what the mapping
   * says ends with it. Locks the account's row, the row of the hash, then Rekey's own row, and compares after all three: of
   * two concurrent resets, the second finds a changed state.
   *
   * @param bindPassword false where links may be used more than once
   * @returns how many rows ended with it, such as sessions; null if the password was not replaced
   * @throws Error if anything but one row would change; nothing is changed then
   */
  replacePassword(
    tx: Transaction,
    id: string,
    signed: LinkState,
    newHash: string,
    options: { bindPassword: boolean },
  ): Promise<{ endedRows: number } | null>
}
