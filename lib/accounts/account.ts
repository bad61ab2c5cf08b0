/** An account. A property of type `string` is empty if its column is not mapped or contains NULL. */
export type Account = {
  id: string
  username: string
  email: string
  firstName: string
  lastName: string
  name: string
  passwordHash: string | null
  /**
   * Why the stored value is not a usable password; null if it is one. `none`: nothing is stored, or `password.none` of the mapping
   * holds. `several-hashes`: Rekey cannot tell which one the product verifies.
   */
  passwordProblem: 'none' | 'unknown-format' | 'several-hashes' | null
  isActive: boolean
  locale: string | null
  /** Tells several accounts with one email address apart in emails. */
  label: string
  /** The last recorded change of the password, by Rekey or by the product; null if none is recorded. */
  passwordChangedAt: Date | null
  /** Rises when the account's links are revoked; 0 again after the account's row in `recovery` was purged. */
  linksEpoch: number
}

/**
 * The properties of an account that its links are signed with: when one of them changes, the links become invalid. The hash is left out of
 * `cancel-change` links, and of all links with RESET_PASSWORD_VERIFICATION_ONE_TIME_USE=false.
 */
export type SignedState = {
  passwordHash: string | null
  email: string
  isActive: boolean
  linksEpoch: number
}

/**
 * Compares two ids for `sort`: two numbers by their length first, so that 9 precedes 10. If ids ascend with time (sequences, UUID version
 * 7, RFC 9562 §5.7), the id of the older account comes first.
 */
export function compareIds(a: string, b: string): number {
  const lengthDifference = /^\d+$/.test(a) && /^\d+$/.test(b) ? a.length - b.length : 0
  if (lengthDifference !== 0) return lengthDifference
  return a < b ? -1 : Number(a > b)
}

export function signedState(account: Account): SignedState {
  const { passwordHash, email, isActive, linksEpoch } = account
  return { passwordHash, email, isActive, linksEpoch }
}

/** Whether an account may get a reset link and a new password. */
export function isResettable({ isActive, passwordProblem, email }: Account): boolean {
  return isActive && passwordProblem === null && email !== ''
}

export function signInName({ username, email }: Pick<Account, 'username' | 'email'>): string {
  return username === '' ? email : username
}

/** Whether a change of the password is recorded in a later second than `requestedAt`, in seconds since the epoch. */
export function passwordChangedSince({ passwordChangedAt }: Account, requestedAt: number): boolean {
  return passwordChangedAt !== null && Math.floor(passwordChangedAt.getTime() / 1000) > requestedAt
}
