import { createHmac, hkdfSync } from 'node:crypto'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { clientKey, ipv6SiteKey } from '@/lib/addresses/client-ip'
import type { Database } from '@/lib/database/pool'
import { createEmailBudget } from './email-budget'
import { createRefusalMemory } from './refusal-memory'
import { canonicalEmail } from '@/lib/addresses/email-address'
import { quoteSchema } from '@/lib/config/schema-names'
import { canonicalUsername } from '@/lib/text/username'

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

/** One audit entry for each kind of rejection and client in this time. */
const notes: Limit = { count: 1, seconds: 600 }

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

/** Whether an action is allowed. `first` marks the first rejection in its window, the only one to audit. */
export type LimitResult =
  | { ok: true }
  | {
      ok: false
      retryAfter: number
      first: boolean
      limit: Exclude<keyof LimitSettings, 'resetsPerClient' | 'emails' | 'emailsPerMailbox'> | OwnLimit
    }

type OwnLimit =
  | 'requestsPerSite'
  | 'resetsPerLink'
  | 'forgeriesPerClient'
  | 'guessesPerLink'
  | 'hashesPerLink'
  | 'restartsPerAccount'
  | 'notes'

/** The limiter cannot count. Callers must reject the request, not skip the limit. */
export class LimiterBroken extends Error {
  constructor(cause: unknown) {
    super('the limiter cannot count', { cause })
    this.name = 'LimiterBroken'
  }
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Counts in PostgreSQL, so that all instances share the counts and a restart keeps them. Shared counters need a genuine link
 * or access to the mailbox, so strangers cannot exhaust them to stop a person's email or reset, except as decision 0018
 * says.
 *
 * Every function throws {@link LimiterBroken} when it cannot count; the response is then 503.
 */
export function createLimits(
  { pool, schemas }: Pick<Database, 'pool' | 'schemas'>,
  secret: string,
  settings: LimitSettings,
) {
  const table = `${quoteSchema(schemas.own)}."limits"`
  const key = Buffer.from(hkdfSync('sha256', secret, 'rekey', 'limiter keys v1', 32))
  // The adapter drops statement names: they collide where clients share sessions.
  const storeClient = {
    query: ({ text, values }: { text: string; values?: unknown[] }) => pool.query(text, values),
  }
  const { resetsPerClient, ...others } = settings
  const { count: asks, seconds } = settings.requestsPerClient
  // The counts of emails are compared with random budgets or the mailbox's limit, not with `points`.
  const all = {
    ...others,
    requestsPerSite: { count: networksPerSite * asks, seconds },
    resetsPerLink: resetsPerClient,
    forgeriesPerClient: resetsPerClient,
    firstEmails: settings.emails,
    mailboxTurns: settings.emailsPerMailbox,
    guessesPerLink,
    hashesPerLink,
    restartsPerAccount,
    notes,
  }
  const limiters = new Map(
    (Object.keys(all) as (keyof typeof all)[]).map((name) => [
      name,
      new RateLimiterPostgres({
        storeClient,
        storeType: 'client',
        schemaName: schemas.own,
        tableName: 'limits',
        tableCreated: true,
        clearExpiredByTimeout: false,
        keyPrefix: name,
        points: all[name].count,
        duration: all[name].seconds,
      }),
    ]),
  )

  const refusals = createRefusalMemory()

  async function take(name: keyof typeof all, of: string): Promise<RateLimiterRes> {
    try {
      return await limiters.get(name)!.consume(of)
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw new LimiterBroken(refused)
      return refused
    }
  }

  type Countable = (LimitResult & { ok: false })['limit']

  async function count(name: Countable, of: string): Promise<LimitResult> {
    const counter = `${name}:${of}`
    const known = refusals.recall(counter)
    if (known !== undefined) return refusal(name, known, false)
    const { consumedPoints, msBeforeNext } = await take(name, of)
    if (consumedPoints <= all[name].count) return { ok: true }
    refusals.keep(counter, Date.now() + msBeforeNext)
    return refusal(name, msBeforeNext, consumedPoints === all[name].count + 1)
  }

  function refusal(limit: Countable, ms: number, first: boolean): LimitResult {
    return { ok: false, retryAfter: Math.max(1, Math.ceil(ms / 1000)), first, limit }
  }

  /** Replaces a login or a link in a key, so that a dump of the table shows neither. */
  function pseudonym(text: string): string {
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, 32)
  }

  /**
   * Counts a request for a link: per client, then per /48 of an IPv6 client, then per (identifier, client). A rejection ends
   * the counting, so that one client creates a limited number of rows, and one /64 cannot exhaust the limit of its /48.
   *
   * @param identifier as typed
   */
  async function countRequest(client: string, identifier: string): Promise<LimitResult> {
    const from = clientKey(client)
    const byClient = await count('requestsPerClient', from)
    if (!byClient.ok) return byClient
    const site = ipv6SiteKey(client)
    const bySite = site === undefined ? byClient : await count('requestsPerSite', site)
    if (!bySite.ok) return bySite
    return count(
      'requestsPerLogin',
      `${pseudonym(canonicalEmail(identifier) ?? canonicalUsername(identifier))} ${from}`,
    )
  }

  /**
   * Counts a request to renew an invalid link, per link and client only: its holder received it by email, so requests of
   * others on the client's network must not block it.
   */
  function countRenewal(client: string, { signature }: { signature: string }): Promise<LimitResult> {
    return count('requestsPerLogin', `renewal ${pseudonym(signature)} ${clientKey(client)}`)
  }

  /**
   * Counts a submitted link, to reset or to cancel, whatever its result. Counts a genuine link per link and client, any other
   * per client: people share a network, and forged or used links of one must not block the link of another.
   *
   * @param genuine the link if its outer signature is valid, else null
   */
  function countReset(client: string, genuine: { signature: string } | null): Promise<LimitResult> {
    const from = clientKey(client)
    if (genuine === null) return count('forgeriesPerClient', from)
    return count('resetsPerLink', `${pseudonym(genuine.signature)} ${from}`)
  }

  /** Counts a rejected password, per link and client. */
  function countAttempt(client: string, signature: string): Promise<LimitResult> {
    return count('attemptsPerLink', `${pseudonym(signature)} ${clientKey(client)}`)
  }

  /** Counts an attempt at a second factor, per link for all clients: more networks must not give more attempts. */
  function countGuess(signature: string): Promise<LimitResult> {
    return count('guessesPerLink', pseudonym(signature))
  }

  /** Counts a hash of a new password, per link for all clients. */
  function countHash(signature: string): Promise<LimitResult> {
    return count('hashesPerLink', pseudonym(signature))
  }

  /** Takes back the count of a hash that was not made. */
  function returnHash(signature: string): Promise<void> {
    return release('hashesPerLink', pseudonym(signature))
  }

  /** Counts a reset that "this wasn't me" starts, per account for all clients. */
  function countRestart(accountId: string): Promise<LimitResult> {
    return count('restartsPerAccount', pseudonym(accountId))
  }

  /** Whether this is the first event of its kind and client in ten minutes; only that is audited, so a flood cannot fill the log. */
  const isFirstInWindow = async (client: string, kind: string): Promise<boolean> =>
    (await count('notes', `${pseudonym(kind)} ${clientKey(client)}`)).ok

  /** Releases the count of a restart that failed. */
  function returnRestart(accountId: string): Promise<void> {
    return release('restartsPerAccount', pseudonym(accountId))
  }

  /** @param most a count above this is not released: a spent budget stays spent */
  async function release(name: keyof typeof all, of: string, most: number = 2 ** 31 - 1): Promise<void> {
    await pool.query(
      // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
      `UPDATE ${table} SET "points" = "points" - 1 WHERE "key" = $1 AND "points" BETWEEN 1 AND $3 AND "expire" > $2`,
      [`${name}:${of}`, Date.now(), most],
    )
  }

  /** Deletes expired counts; run by the worker. */
  async function purge(): Promise<void> {
    // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
    await pool.query(`DELETE FROM ${table} WHERE "expire" < $1`, [Date.now()])
  }

  const budget = createEmailBudget({
    take: async (name, of) => (await take(name, of)).consumedPoints,
    touch: async (name, of) => void (await limiters.get(name)!.reward(of, 0)),
    release,
    isFirstInWindow,
    pseudonym,
    key: Buffer.from(hkdfSync('sha256', secret, 'rekey', 'limiter draws v1', 32)),
    settings,
  })

  return {
    countRequest,
    countRenewal,
    countReset,
    countAttempt,
    countGuess,
    countHash,
    returnHash,
    countRestart,
    returnRestart,
    isFirstInWindow,
    ...budget,
    purge,
  }
}
