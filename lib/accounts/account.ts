/** An account as the reset flow sees it. Texts that its table does not have are empty. */
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
   * Null if the stored value is a password of a known format. Otherwise nothing is stored, its format is unknown, or several rows
   * hold a hash and which one the product verifies is unknown.
   */
  passwordProblem: 'none' | 'unknown-format' | 'several-hashes' | null
  isActive: boolean
  locale: string | null
  /** Says which of several accounts with one address this is, if the mapping names a column for it. */
  label: string
  passwordChangedAt: Date | null
  linksEpoch: number
}

/** What of an account a link is bound to: when any of it changes, the link is dead. */
export type LinkState = {
  passwordHash: string | null
  email: string
  isActive: boolean
  linksEpoch: number
}

/** What a link of this account is bound to. */
export function linkState(account: Account): LinkState {
  const { passwordHash, email, isActive, linksEpoch } = account
  return { passwordHash, email, isActive, linksEpoch }
}

/** Only an active account with a password of its own and an address is mailed, and only it can be reset. */
export function isResettable({ isActive, passwordProblem, email }: Account): boolean {
  return isActive && passwordProblem === null && email !== ''
}

/** What its owner signs in with: the username or, where the users table has none, the address. */
export function signInName({ username, email }: Pick<Account, 'username' | 'email'>): string {
  return username === '' ? email : username
}

/**
 * Whether the password was replaced after a link was requested: then the request is fulfilled, or no longer wanted.
 *
 * @param requestedAt whole seconds since the epoch
 */
export function passwordChangedSince({ passwordChangedAt }: Account, requestedAt: number): boolean {
  return passwordChangedAt !== null && Math.floor(passwordChangedAt.getTime() / 1000) > requestedAt
}
