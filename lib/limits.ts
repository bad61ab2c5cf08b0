import { createHmac, hkdfSync } from 'node:crypto'
import type pg from 'pg'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { clientKey } from './client-address'
import { canonicalAddress } from './email-address'

/** At most `count` in `seconds`. */
export type Limit = { count: number; seconds: number }

export type LimitSettings = {
  asksPerClient: Limit
  asksPerLogin: Limit
  resetsPerClient: Limit
  attemptsPerLink: Limit
  letters: Limit
}

/** One note of a kind of refusal per client in this time. */
const notes: Limit = { count: 1, seconds: 600 }

/** Answers to a second factor that are judged with one link, in longer than any link lives (settings.ts: 24 hours). */
const guessesPerLink: Limit = { count: 10, seconds: 86_400 }

/** Whether an action may go on. `first` marks the first refusal of its window, the one that is worth an audit entry. */
export type Counted =
  | { ok: true }
  | { ok: false; retryAfter: number; first: boolean; limit: keyof LimitSettings | 'guessesPerLink' | 'notes' }

/** The limiter cannot count, whatever the reason. Never "no limit". */
export class LimiterBroken extends Error {
  constructor(cause: unknown) {
    super('the limiter cannot count', { cause })
    this.name = 'LimiterBroken'
  }
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Counts in PostgreSQL, so that all instances share one count and a restart forgets nothing. Nothing here is keyed on an
 * account: what a stranger does can stop neither a person's letter nor their reset. The one count that all clients share
 * is of a genuine link, which no stranger has.
 *
 * All functions throw when counting is impossible; the edge answers 503 then.
 */
export function createLimits(pool: pg.Pool, secret: string, settings: LimitSettings) {
  const key = Buffer.from(hkdfSync('sha256', secret, 'rekey', 'limiter keys v1', 32))
  // The adapter drops statement names: clients of the embedded database share one session, where names collide.
  const storeClient = {
    query: ({ text, values }: { text: string; values?: unknown[] }) => pool.query(text, values),
  }
  const all = { ...settings, guessesPerLink, notes }
  const limiters = new Map(
    (Object.keys(all) as (keyof typeof all)[]).map((name) => [
      name,
      new RateLimiterPostgres({
        storeClient,
        storeType: 'client',
        tableName: 'rekey_limits',
        tableCreated: true,
        clearExpiredByTimeout: false,
        keyPrefix: name,
        points: all[name].count,
        duration: all[name].seconds,
      }),
    ]),
  )

  async function count(name: keyof typeof all, of: string): Promise<Counted> {
    const limiter = limiters.get(name)!
    try {
      await limiter.consume(of)
      return { ok: true }
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw new LimiterBroken(refused)
      const retryAfter = Math.max(1, Math.ceil(refused.msBeforeNext / 1000))
      return { ok: false, retryAfter, first: refused.consumedPoints === limiter.points + 1, limit: name }
    }
  }

  /** Stands for a login or a link in a key, so that a dump of the table shows neither. */
  function pseudonym(text: string): string {
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, 32)
  }

  /**
   * Counts somebody asking for a link: per client, then per (identifier, client). Where the client is refused, the
   * identifier is not counted, so that one client can fill only so many rows.
   *
   * @param identifier what was typed, or the id of the account whose dead link is renewed
   */
  async function countAsk(client: string, identifier: string): Promise<Counted> {
    const from = clientKey(client)
    const byClient = await count('asksPerClient', from)
    if (!byClient.ok) return byClient
    return count('asksPerLogin', `${pseudonym(canonicalAddress(identifier) ?? identifier)} ${from}`)
  }

  /** Counts a post to the reset endpoint, whatever comes of it. */
  function countReset(client: string): Promise<Counted> {
    return count('resetsPerClient', clientKey(client))
  }

  /** Counts a refused password, for this link from this client only. */
  function countAttempt(client: string, signature: string): Promise<Counted> {
    return count('attemptsPerLink', `${pseudonym(signature)} ${clientKey(client)}`)
  }

  /** Counts an answer to a second factor, for this link from wherever it comes: who has many networks has no more guesses. */
  function countGuess(signature: string): Promise<Counted> {
    return count('guessesPerLink', pseudonym(signature))
  }

  /** Whether this is the first refusal of its kind in a while, which is worth a note; a flood must not fill the log. */
  async function isNoteworthy(client: string, kind: string): Promise<boolean> {
    return (await count('notes', `${pseudonym(kind)} ${clientKey(client)}`)).ok
  }

  /**
   * Takes one letter from the budget of the installation. A letter that finds none takes none: it comes again, and each
   * time would otherwise use up what others give back. `first` marks one refusal in ten minutes.
   */
  async function spendLetter(): Promise<Counted> {
    const spent = await count('letters', 'all')
    if (spent.ok) return spent
    await returnLetter()
    return { ...spent, first: (await count('notes', 'letters')).ok }
  }

  /** Gives back what a letter took that was not sent after all; never more than this window has given. */
  async function returnLetter(): Promise<void> {
    await pool.query(
      `UPDATE "rekey_limits" SET "points" = "points" - 1 WHERE "key" = 'letters:all' AND "points" > 0 AND "expire" > $1`,
      [Date.now()],
    )
  }

  /** Deletes what no longer counts; run by the worker. */
  async function purge(): Promise<void> {
    await pool.query(`DELETE FROM "rekey_limits" WHERE "expire" < $1`, [Date.now()])
  }

  return { countAsk, countReset, countAttempt, countGuess, isNoteworthy, spendLetter, returnLetter, purge }
}
