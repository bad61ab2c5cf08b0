/** An account as the reset flow sees it. A property of type `string` is empty if its column does not exist or contains NULL. */
export type Account = {
  id: string
  username: string
  email: string
  firstName: string
  lastName: string
  /** The whole name, where the users table has one column for it. */
  name: string
  passwordHash: string | null
  /**
   * Why the stored value is not a usable password; null if it is one. `none`: nothing is stored, or a value that the mapping marks
   * as no password (`password.none`). `unknown-format`: no format of the mapping matches. `several-hashes`: several rows of the
   * table of hashes belong to the account, and Rekey cannot tell which one the product verifies.
   */
  passwordProblem: 'none' | 'unknown-format' | 'several-hashes' | null
  isActive: boolean
  locale: string | null
  /** Tells several accounts with one email address apart in emails. */
  label: string
  /** The time of the last change of the password that Rekey or the product recorded; null if neither did. */
  passwordChangedAt: Date | null
  /** A number that rises whenever the account's links are revoked; 0 again after the account's row in `recovery` was purged. */
  linksEpoch: number
}

/**
 * The properties of an account that its links are signed with: when one of them changes, the links become invalid. The hash is
 * left out of `cancel-change` links, and of all links if they may be used more than once
 * (RESET_PASSWORD_VERIFICATION_ONE_TIME_USE=false).
 */
export type SignedState = {
  passwordHash: string | null
  email: string
  isActive: boolean
  linksEpoch: number
}

/**
 * Compares two ids for `sort`: non-negative integers without leading zeros by their value, most other ids as text. If ids ascend with
 * time (sequences, UUID version 7, RFC 9562 §5.7), the id of the older account comes first.
 */
export function compareIds(a: string, b: string): number {
  const lengthDifference = /^\d+$/.test(a) && /^\d+$/.test(b) ? a.length - b.length : 0
  if (lengthDifference !== 0) return lengthDifference
  return a < b ? -1 : Number(a > b)
}

/** Returns the state that a link of this account is signed with. */
export function signedState(account: Account): SignedState {
  const { passwordHash, email, isActive, linksEpoch } = account
  return { passwordHash, email, isActive, linksEpoch }
}

/** Whether an account can get a link and a new password: it is active, its stored password is usable, and it has an email address. */
export function isResettable({ isActive, passwordProblem, email }: Account): boolean {
  return isActive && passwordProblem === null && email !== ''
}

/** Returns the login of an account: its username or, if that is empty, its email address. */
export function signInName({ username, email }: Pick<Account, 'username' | 'email'>): string {
  return username === '' ? email : username
}

/**
 * Whether the password was changed in a later second than the one in which a link was requested.
 *
 * @param requestedAt whole seconds since the epoch
 */
export function passwordChangedSince({ passwordChangedAt }: Account, requestedAt: number): boolean {
  return passwordChangedAt !== null && Math.floor(passwordChangedAt.getTime() / 1000) > requestedAt
}
