import { createHmac, hkdfSync } from 'node:crypto'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { clientKey, siteKey } from '@/lib/addresses/client-ip'
import type { Database } from '@/lib/database/pool'
import { createEmailBudget } from './email-budget'
import { canonicalAddress } from '@/lib/addresses/email-address'
import { quoted } from '@/lib/config/schema-names'
import { canonicalUsername } from '@/lib/text/username'

/** At most `count` in `seconds`. */
export type Limit = { count: number; seconds: number }

export type LimitSettings = {
  requestsPerClient: Limit
  requestsPerLogin: Limit
  resetsPerClient: Limit
  attemptsPerLink: Limit
  emails: Limit
  /** Emails to one mailbox; once they are used up, accounts on turn still get one each. */
  emailsPerMailbox: Limit
}

/** One note of a kind of refusal per client in this time. */
const notes: Limit = { count: 1, seconds: 600 }

/** Answers to a second factor that are judged with one link, in longer than any link lives (settings.ts: 24 hours). */
const guessesPerLink: Limit = { count: 10, seconds: 86_400 }

/** How long, in milliseconds, and for how many keys at most, a process remembers a refusal. */
const memory = { lasts: 1000, holds: 10_000 }

/**
 * How many /64s' worth of requests for links a /48 may send, which holds 65,536 of them: enough for a carrier or a campus,
 * too few for the owner of a /48 to count as thousands of clients.
 */
const networksPerSite = 10

/** Fresh resets of an account that "this wasn't me" starts: each brings an email that other limits do not hold back. */
const restartsPerAccount: Limit = { count: 3, seconds: 3600 }

/** Whether an action may go on. `first` marks the first refusal of its window, the one that is worth an audit entry. */
export type Counted =
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
  | 'restartsPerAccount'
  | 'notes'

/** The limiter cannot count, whatever the reason. Never "no limit". */
export class LimiterBroken extends Error {
  constructor(cause: unknown) {
    super('the limiter cannot count', { cause })
    this.name = 'LimiterBroken'
  }
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Counts in PostgreSQL, so that all instances share one count and a restart forgets nothing. But for what record
 * 0018 names, a stranger can stop neither a person's email nor their reset: the counts that all clients share are of a genuine link, and of
 * an account whose emails are being read, and no stranger has either.
 *
 * All functions throw when counting is impossible; the edge answers 503 then.
 */
export function createLimits(
  { pool, schemas }: Pick<Database, 'pool' | 'schemas'>,
  secret: string,
  settings: LimitSettings,
) {
  const table = `${quoted(schemas.own)}."limits"`
  const key = Buffer.from(hkdfSync('sha256', secret, 'rekey', 'limiter keys v1', 32))
  // The adapter drops statement names: they collide where clients share sessions.
  const storeClient = {
    query: ({ text, values }: { text: string; values?: unknown[] }) => pool.query(text, values),
  }
  const { resetsPerClient, ...others } = settings
  const { count: asks, seconds } = settings.requestsPerClient
  // The counts of emails are checked against drawn numbers, or against the mailbox's, not against `points`.
  const all = {
    ...others,
    requestsPerSite: { count: networksPerSite * asks, seconds },
    resetsPerLink: resetsPerClient,
    forgeriesPerClient: resetsPerClient,
    firstEmails: settings.emails,
    mailboxTurns: settings.emailsPerMailbox,
    guessesPerLink,
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

  const refusals = createMemory()

  async function take(name: keyof typeof all, of: string): Promise<RateLimiterRes> {
    try {
      return await limiters.get(name)!.consume(of)
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw new LimiterBroken(refused)
      return refused
    }
  }

  type Countable = (Counted & { ok: false })['limit']

  async function count(name: Countable, of: string): Promise<Counted> {
    const counter = `${name}:${of}`
    const known = refusals.recall(counter)
    if (known !== undefined) return refusal(name, known, false)
    const { consumedPoints, msBeforeNext } = await take(name, of)
    if (consumedPoints <= all[name].count) return { ok: true }
    refusals.keep(counter, Date.now() + msBeforeNext)
    return refusal(name, msBeforeNext, consumedPoints === all[name].count + 1)
  }

  function refusal(limit: Countable, ms: number, first: boolean): Counted {
    return { ok: false, retryAfter: Math.max(1, Math.ceil(ms / 1000)), first, limit }
  }

  /** Stands for a login or a link in a key, so that a dump of the table shows neither. */
  function pseudonym(text: string): string {
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, 32)
  }

  /**
   * Counts a request for a link: per client, then per /48 of an IPv6 client, then per (identifier, client). Where one
   * refuses, those after it are not counted, so that one client can fill only so many rows, and one /64 cannot use up
   * the count of its /48.
   *
   * @param identifier what was typed
   */
  async function countRequest(client: string, identifier: string): Promise<Counted> {
    const from = clientKey(client)
    const byClient = await count('requestsPerClient', from)
    if (!byClient.ok) return byClient
    const site = siteKey(client)
    const bySite = site === undefined ? byClient : await count('requestsPerSite', site)
    if (!bySite.ok) return bySite
    return count(
      'requestsPerLogin',
      `${pseudonym(canonicalAddress(identifier) ?? canonicalUsername(identifier))} ${from}`,
    )
  }

  /**
   * Counts a request to renew a dead link. Its holder was sent it, so it is counted for this link and client alone: what
   * others of the client's network request does not refuse it.
   */
  function countRenewal(client: string, { signature }: { signature: string }): Promise<Counted> {
    return count('requestsPerLogin', `renewal ${pseudonym(signature)} ${clientKey(client)}`)
  }

  /**
   * Counts a post of a link, to reset or to cancel, whatever comes of it. A genuine link is counted for itself and its
   * client, and everything else for its client: a network is shared, and neither the forgeries nor the spent links of one
   * of its people may refuse the link of another.
   *
   * @param genuine the link if its outer signature holds, else null
   */
  function countReset(client: string, genuine: { signature: string } | null): Promise<Counted> {
    const from = clientKey(client)
    if (genuine === null) return count('forgeriesPerClient', from)
    return count('resetsPerLink', `${pseudonym(genuine.signature)} ${from}`)
  }

  /** Counts a refused password, for this link from this client only. */
  function countAttempt(client: string, signature: string): Promise<Counted> {
    return count('attemptsPerLink', `${pseudonym(signature)} ${clientKey(client)}`)
  }

  /** Counts an answer to a second factor, for this link from wherever it comes: who has many networks has no more guesses. */
  function countGuess(signature: string): Promise<Counted> {
    return count('guessesPerLink', pseudonym(signature))
  }

  /** Counts a fresh reset that "this wasn't me" starts, wherever it is pressed. */
  function countRestart(accountId: string): Promise<Counted> {
    return count('restartsPerAccount', pseudonym(accountId))
  }

  /** Whether this is the first refusal of its kind in a while, which is worth a note; a flood must not fill the log. */
  async function isFirstInWindow(client: string, kind: string): Promise<boolean> {
    return (await count('notes', `${pseudonym(kind)} ${clientKey(client)}`)).ok
  }

  /** Gives back what a press took that started nothing after all. */
  function returnRestart(accountId: string): Promise<void> {
    return giveBack('restartsPerAccount', pseudonym(accountId))
  }

  /** @param most above which nothing is given back: what was found used up stays so */
  async function giveBack(name: keyof typeof all, of: string, most: number = 2 ** 31 - 1): Promise<void> {
    await pool.query(
      // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
      `UPDATE ${table} SET "points" = "points" - 1 WHERE "key" = $1 AND "points" BETWEEN 1 AND $3 AND "expire" > $2`,
      [`${name}:${of}`, Date.now(), most],
    )
  }

  /** Deletes what no longer counts; run by the worker. */
  async function purge(): Promise<void> {
    // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
    await pool.query(`DELETE FROM ${table} WHERE "expire" < $1`, [Date.now()])
  }

  const budget = createEmailBudget({
    take: async (name, of) => (await take(name, of)).consumedPoints,
    touch: async (name, of) => void (await limiters.get(name)!.reward(of, 0)),
    giveBack,
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
    countRestart,
    returnRestart,
    isFirstInWindow,
    ...budget,
    purge,
  }
}

/**
 * What a process remembers of its refusals, so that a client who goes on and on costs the database a statement a second
 * rather than one each time. Only for so long that a count that was deleted is soon felt; the oldest go first.
 */
function createMemory() {
  const kept = new Map<string, { until: number; next: number }>()

  /** Milliseconds until the next may pass; undefined where nothing is remembered. */
  function recall(key: string): number | undefined {
    const refusal = kept.get(key)
    const now = Date.now()
    return refusal !== undefined && now < Math.min(refusal.until, refusal.next)
      ? refusal.next - now
      : undefined
  }

  /** @param next when the next may pass, in milliseconds since the epoch */
  function keep(key: string, next: number): void {
    kept.delete(key)
    kept.set(key, { until: Date.now() + memory.lasts, next })
    if (kept.size > memory.holds) kept.delete(kept.keys().next().value!)
  }

  return { recall, keep }
}
