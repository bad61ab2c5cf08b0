/** At most `count` events in `seconds`. */
type Limit = { count: number; seconds: number }

export type LimitSettings = {
  requestsPerClient: Limit
  requestsPerLogin: Limit
  resetsPerClient: Limit
  attemptsPerLink: Limit
  emails: Limit
  emailsPerMailbox: Limit
}

/** The limit of `isFirstInWindow`, so that a flood of an event fills neither the audit log nor the alerts. */
const firstEvents: Limit = { count: 1, seconds: 600 }

/** Attempts at a second factor with one link. The window is as long as a reset link lives at most (RESET_PASSWORD_VERIFICATION_PERIOD). */
const guessesPerLink: Limit = { count: 10, seconds: 86_400 }

/** Hashes of new passwords with one link: several, for concurrent processes, errors after the hash, and links that work more than once. */
const hashesPerLink: Limit = { count: 10, seconds: 86_400 }

/** An IPv6 /48, which has 65,536 /64s, may request this many times as many links as a /64: enough for a carrier, little for an attacker. */
const networksPerSite = 10

/** New links that "this wasn't me" requests for an account: each sends an email that the account's limits do not hold back. */
const restartsPerAccount: Limit = { count: 3, seconds: 3600 }

/** The name of a limit, with which the keys of its counts begin. */
export type LimitName = keyof ReturnType<typeof allLimits>

export function allLimits(settings: LimitSettings) {
  const { resetsPerClient, ...others } = settings
  const { count, seconds } = settings.requestsPerClient
  // Of the limits of emails, only `seconds` is used from this table: email-limits.ts states the most emails itself.
  return {
    ...others,
    requestsPerSite: { count: networksPerSite * count, seconds },
    resetsPerLink: resetsPerClient,
    forgeriesPerClient: resetsPerClient,
    firstEmails: settings.emails,
    mailboxTurns: settings.emailsPerMailbox,
    guessesPerLink,
    hashesPerLink,
    restartsPerAccount,
    firstEvents,
  }
}
