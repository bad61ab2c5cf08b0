import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'
import { clientKey, ipv6SiteKey } from '@/lib/addresses/client-ip'
import { createCounter } from '@/lib/batches/counter'
import {
  databaseNowSql,
  type LimitedKey,
  type Counted,
  type CountingEntry,
} from '@/lib/batches/counting-statement'
import type { Database } from '@/lib/database/pool'
import { isBadValueError } from '@/lib/database/errors'
import { createEmailLimits, type EmailCount } from './email-limits'
import { createLimitLifter } from './lift-limits'
import { allLimits, type LimitName, type LimitSettings } from './limit-table'
import { purgeExpiredCounts } from './purge-expired-counts'
import { createRefusalMemory } from './refusal-memory'
import { canonicalEmail } from '@/lib/addresses/email-address'
import { quoteSchema } from '@/lib/config/schema-names'
import { composedUsername } from '@/lib/text/username'

/** `retryAfter`: seconds. `first` marks the first rejection in the window, the only one to audit. */
export type LimitResult =
  | { ok: true }
  | {
      ok: false
      retryAfter: number
      first: boolean
      limit: RequestLimitName
    }

/** The limits except those that hold emails back. */
type RequestLimitName = Exclude<LimitName, 'emails' | 'firstEmails' | 'emailsPerMailbox' | 'mailboxTurns'>

/** An event could not be counted. The request must be rejected, not pass without a limit. */
export class LimiterBroken extends Error {
  constructor(cause: unknown) {
    super('the limiter cannot count', { cause })
    this.name = 'LimiterBroken'
  }
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Creates the rate limits, which count in PostgreSQL. Decision 0018 says which counts several clients share.
 *
 * A function that counts throws {@link LimiterBroken} if the database fails or too many counts wait; for a value that the database cannot
 * store, the database's error.
 */
export function createLimits(
  database: Pick<Database, 'pool' | 'schemas' | 'sharedSession'>,
  secret: string,
  settings: LimitSettings,
) {
  const { pool } = database
  const table = `${quoteSchema(database.schemas.own)}."limits"`
  // A `KeyObject` is prepared for OpenSSL once, not for each pseudonym.
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, 'rekey', 'limiter keys v1', 32)))
  const all = allLimits(settings)
  const counter = createCounter(database)
  const refusals = createRefusalMemory()

  function countOf(name: LimitName, of: string): LimitedKey {
    const { count: most, seconds } = all[name]
    return { key: `${name}:${of}`, most, milliseconds: seconds * 1000 }
  }

  const limitedTo = ({ name, of, most }: EmailCount): LimitedKey => ({ ...countOf(name, of), most })

  async function take(entry: CountingEntry, client?: string): Promise<Counted> {
    try {
      return await counter.count(entry, client)
    } catch (error) {
      throw isBadValueError(error) ? error : new LimiterBroken(error)
    }
  }

  /** @param client the key of the client whose events must not fill batches */
  async function count(name: RequestLimitName, of: string, client?: string): Promise<LimitResult> {
    const own = countOf(name, of)
    return remembered(own, name) ?? decide({ own, points: 1 }, { own: name }, client)
  }

  /** Counts an entry, and remembers a rejection by the entry's first key (`createRefusalMemory`). */
  async function decide(
    entry: CountingEntry,
    names: { client?: RequestLimitName; site?: RequestLimitName; own: RequestLimitName },
    client?: string,
  ): Promise<LimitResult> {
    const { by, consumed, msBeforeNext } = await take(entry, client)
    const { key: counter, most } = entry[by]!
    if (consumed <= most) return { ok: true }
    if (entry[by] === (entry.client ?? entry.own)) refusals.keep(counter, Date.now() + msBeforeNext)
    return refusal(names[by]!, msBeforeNext, consumed === most + 1)
  }

  function remembered({ key: counter }: LimitedKey, name: RequestLimitName): LimitResult | undefined {
    const known = refusals.recall(counter)
    return known === undefined ? undefined : refusal(name, known, false)
  }

  function refusal(limit: RequestLimitName, ms: number, first: boolean): LimitResult {
    return { ok: false, retryAfter: Math.max(1, Math.ceil(ms / 1000)), first, limit }
  }

  /** Returns a MAC of a text, so that a dump of the table does not show the logins and links in its keys. */
  function pseudonym(text: string): string {
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, 32)
  }

  /**
   * Counts a request for a link: per client, then per /48 of an IPv6 client, then per (identifier, client). A rejection ends the counting,
   * so that one client creates a limited number of rows, and one /64 cannot exhaust the limit of its /48.
   *
   * @param job stored in the same transaction if the request is allowed
   */
  async function countRequest(
    client: string,
    identifier: string,
    job?: CountingEntry['job'],
  ): Promise<LimitResult> {
    const from = clientKey(client)
    const site = ipv6SiteKey(client)
    const login = pseudonym(canonicalEmail(identifier) ?? composedUsername(identifier))
    const byClient = countOf('requestsPerClient', from)
    const entry: CountingEntry = {
      client: byClient,
      site: site === undefined ? undefined : countOf('requestsPerSite', site),
      own: countOf('requestsPerLogin', `${login} ${from}`),
      points: 1,
      job,
    }
    const names = { client: 'requestsPerClient', site: 'requestsPerSite', own: 'requestsPerLogin' } as const
    return remembered(byClient, names.client) ?? decide(entry, names, from)
  }

  /** Counts a request to renew a genuine link, per link and client, so that others on the client's network do not block it. */
  async function countRenewal(
    client: string,
    { signature }: { signature: string },
    job?: CountingEntry['job'],
  ): Promise<LimitResult> {
    const from = clientKey(client)
    const own = countOf('requestsPerLogin', `renewal ${pseudonym(signature)} ${from}`)
    const name = 'requestsPerLogin'
    return remembered(own, name) ?? decide({ own, points: 1, job }, { own: name }, from)
  }

  /**
   * Counts an attempt to reset or to cancel with a link: per link and client if the link is genuine, else per client. So the forged links
   * of one person do not block the link of another on the same network.
   *
   * @param genuine the link if its outer MAC is valid, else null
   */
  function countReset(client: string, genuine: { signature: string } | null): Promise<LimitResult> {
    const from = clientKey(client)
    if (genuine === null) return count('forgeriesPerClient', from, from)
    return count('resetsPerLink', `${pseudonym(genuine.signature)} ${from}`, from)
  }

  /** Counts a rejected password or an attempt at a second factor, per link and client. */
  function countAttempt(client: string, signature: string): Promise<LimitResult> {
    const from = clientKey(client)
    return count('attemptsPerLink', `${pseudonym(signature)} ${from}`, from)
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

  /** Counts a new link that "this wasn't me" requests, per account for all clients. */
  function countRestart(accountId: string): Promise<LimitResult> {
    return count('restartsPerAccount', pseudonym(accountId))
  }

  /** Counts an event, and returns whether it is the first of its kind and client in the window of `firstEvents`. */
  const isFirstInWindow = async (client: string, kind: string): Promise<boolean> =>
    (await count('firstEvents', `${pseudonym(kind)} ${clientKey(client)}`, clientKey(client))).ok

  function returnRestart(accountId: string): Promise<void> {
    return release('restartsPerAccount', pseudonym(accountId))
  }

  /** Takes back one event. @param most above this count nothing is taken back: a spent budget stays spent */
  async function release(name: LimitName, of: string, most: number = 2 ** 31 - 1): Promise<void> {
    await pool.query(
      // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
      `UPDATE ${table} SET "points" = "points" - 1
        WHERE "key" = $1 AND "points" BETWEEN 1 AND $2 AND "expire" > ${databaseNowSql}`,
      [`${name}:${of}`, most],
    )
  }

  const emailLimits = createEmailLimits({
    takeBoth: async (mailbox, all, points) => {
      const entry: CountingEntry = { client: limitedTo(mailbox), own: limitedTo(all), points }
      const { by, consumed } = await take(entry)
      return { by: by === 'own' ? 'all' : 'mailbox', ok: consumed <= entry[by]!.most }
    },
    take: async (count) => (await take({ own: limitedTo(count), points: 1 })).consumed <= count.most,
    release: ({ name, of, most }) => release(name, of, most),
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
    ...emailLimits,
    ...createLimitLifter({ pool, table, pseudonym }),
    purge: () => purgeExpiredCounts(pool, table),
  }
}
