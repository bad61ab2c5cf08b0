/** At most `count` events in `seconds`. */
export type Limit = { count: number; seconds: number }

export type LimitSettings = {
  requestsPerClient: Limit
  requestsPerLogin: Limit
  resetsPerClient: Limit
  attemptsPerLink: Limit
  emails: Limit
  /** Emails to one mailbox; beyond them, accounts on turn still get one each. */
  emailsPerMailbox: Limit
}

/** Of repeated events of one kind and client, only the first in this time is audited. */
const firstEvents: Limit = { count: 1, seconds: 600 }

/** Attempts at a second factor with one link; the window is as long as the longest lifetime (lib/config/schema.ts). */
const guessesPerLink: Limit = { count: 10, seconds: 86_400 }

/**
 * Hashes of new passwords with one link. One is enough for a link that works once. The others are for concurrent posts to
 * other instances, for errors between the hash and the account, and for links that work several times.
 */
const hashesPerLink: Limit = { count: 10, seconds: 86_400 }

/**
 * How many times the limit of a /64 applies to a /48: enough for a carrier or a campus, too few for the owner of a /48, with
 * its 65,536 networks, to count as thousands of clients.
 */
const networksPerSite = 10

/** Resets that "this wasn't me" starts for an account: each sends an email that other limits do not stop. */
const restartsPerAccount: Limit = { count: 3, seconds: 3600 }

/** The name of a limit, with which the keys of its counts begin. */
export type LimitName = keyof ReturnType<typeof allLimits>

/** Returns every limit by the name that its counts' keys begin with. */
export function allLimits(settings: LimitSettings) {
  const { resetsPerClient, ...others } = settings
  const { count, seconds } = settings.requestsPerClient
  // The counts of emails are compared with random budgets or the mailbox's limit, not with these.
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
