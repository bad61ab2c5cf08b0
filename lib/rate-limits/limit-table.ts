/** At most `count` events in `seconds`. */
export type Limit = { count: number; seconds: number }

export type LimitSettings = {
  requestsPerClient: Limit
  requestsPerLogin: Limit
  resetsPerClient: Limit
  attemptsPerLink: Limit
  emails: Limit
  /** Emails to one mailbox. Above the limit, the accounts on turn (`chooseOnTurn`) still get one each. */
  emailsPerMailbox: Limit
}

/**
 * How often `isFirstInWindow` reports an event of a kind and client as the first. Callers audit such events, or alert about them, so that a
 * flood fills neither the audit log nor the alerts. A rejection above another limit is audited once in the window of that limit instead.
 */
const firstEvents: Limit = { count: 1, seconds: 600 }

/** Attempts at a second factor with one link. The window is as long as a reset link lives at most (lib/config/schema.ts). */
const guessesPerLink: Limit = { count: 10, seconds: 86_400 }

/**
 * Hashes of new passwords with one link. One is enough for a link that works once. The others are for concurrent requests to
 * other processes, for errors after the hash, and for links that work several times.
 */
const hashesPerLink: Limit = { count: 10, seconds: 86_400 }

/**
 * An IPv6 /48 may request this many times as many links as a client, which is a /64: enough for a carrier or a campus, too few for the
 * owner of a /48, with its 65,536 networks, to count as thousands of clients.
 */
const networksPerSite = 10

/** New links that "this wasn't me" requests for an account: each sends an email that the account's limits do not hold back. */
const restartsPerAccount: Limit = { count: 3, seconds: 3600 }

/** The name of a limit. The keys of its counts begin with it. */
export type LimitName = keyof ReturnType<typeof allLimits>

/** Returns every limit by its name: those that follow from the settings, and fixed ones. */
export function allLimits(settings: LimitSettings) {
  const { resetsPerClient, ...others } = settings
  const { count, seconds } = settings.requestsPerClient
  // Of the limits of emails, only `seconds` is used from this table: email-limits.ts states the most emails of each count itself.
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
