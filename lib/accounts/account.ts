/** An account as the reset flow sees it. */
export type Account = {
  id: string
  username: string
  email: string
  firstName: string
  lastName: string
  passwordHash: string | null
  isActive: boolean
  locale: string | null
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

/**
 * Only an active account with a password of its own and an address is mailed, and only it can be reset. A value that
 * starts with `!` is Django's mark for an account that signs in elsewhere.
 */
export function mayReset(account: Account): boolean {
  const { isActive, passwordHash, email } = account
  return (
    isActive && passwordHash !== null && passwordHash !== '' && !passwordHash.startsWith('!') && email !== ''
  )
}

/**
 * Whether the password was replaced after a link was requested: then the request is fulfilled, or no longer wanted.
 *
 * @param requestedAt whole seconds since the epoch
 */
export function passwordChangedSince({ passwordChangedAt }: Account, requestedAt: number): boolean {
  return passwordChangedAt !== null && Math.floor(passwordChangedAt.getTime() / 1000) > requestedAt
}
