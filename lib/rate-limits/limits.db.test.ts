import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import { countedEmail } from '@/e2e/support/counted-email'
import { isLong } from '@/e2e/support/long-form'
import {
  allButLast,
  limitSecret,
  limitSettings,
  nearly,
  openLimitsForTests,
  repeat,
  type OpenedLimits,
} from '@/e2e/support/opened-limits'
import { clientKey } from '@/lib/addresses/client-ip'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { createLimits, LimiterBroken, type LimitResult, type Limits } from './limits'

let opened: OpenedLimits
let limits: Limits
openLimitsForTests((database) => {
  opened = database
  limits = database.limits()
})

const newLogin = () => randomBytes(8).toString('hex')

describe('the counts of each limit [R1]', () => {
  test.each<[string, number, () => Promise<LimitResult>]>([
    ['requests of a client', 6, () => limits.countRequest('203.0.113.1', newLogin())],
    ['requests for one login', 3, () => limits.countRequest('203.0.113.2', 'grace')],
    ['posts of forged links', 5, () => limits.countReset('203.0.113.3', null)],
    ['posts of one genuine link', 5, () => limits.countReset('203.0.113.3', { signature: 'a signature' })],
    ['renewals of one link', 3, () => limits.countRenewal('203.0.113.3', { signature: 'a signature' })],
    ['rejected passwords with a link', 2, () => limits.countAttempt('203.0.113.4', 'a signature')],
    ['resets that "this wasn’t me" starts', 3, () => limits.countRestart('an account')],
    ['guesses at a second factor with a link', 10, () => limits.countGuess('a signature')],
  ])(
    'of %s, %i are allowed, and of those beyond, only the first is marked as the first',
    async (_what, allowed, count) => {
      expect(await repeat(allowed, count)).toEqual(Array(allowed).fill(true))
      expect([await count(), await count()]).toMatchObject([
        { ok: false, first: true },
        { ok: false, first: false },
      ])
    },
  )

  test('a rejection says when the next one is allowed, which is neither earlier nor later [R4]', async () => {
    await repeat(5, () => limits.countReset('203.0.113.5', null))
    const rejected = await limits.countReset('203.0.113.5', null)
    expect(rejected).toEqual({ ok: false, retryAfter: nearly(600), first: true, limit: 'forgeriesPerClient' })
    await opened.advanceClock(540)
    expect(await limits.countReset('203.0.113.5', null)).toMatchObject({ ok: false, first: false })
    await opened.advanceClock(60)
    expect(await limits.countReset('203.0.113.5', null)).toEqual({ ok: true })
  })

  test('guesses at a second factor with a link are counted for as long as any link lives [R3]', async () => {
    await repeat(10, () => limits.countGuess('a signature'))
    await opened.advanceClock(86_340)
    expect(await limits.countGuess('a signature')).toMatchObject({ ok: false, limit: 'guessesPerLink' })
    expect(await limits.countGuess('another signature')).toEqual({ ok: true })
  })

  test('hashes with a link are counted for as long as any link lives, except those that were not made [W9]', async () => {
    await repeat(10, () => limits.countHash('a signature'))
    await limits.returnHash('a signature')
    expect(await limits.countHash('a signature')).toEqual({ ok: true })
    await opened.advanceClock(86_340)
    expect(await limits.countHash('a signature')).toMatchObject({ ok: false, limit: 'hashesPerLink' })
    expect(await limits.countHash('another signature')).toEqual({ ok: true })
  })

  test('a rejected client is allowed again after the stated seconds of real time [R4]', async () => {
    vi.useRealTimers()
    const brief = opened.limits({ resetsPerClient: { count: 1, seconds: 1 } })
    const count = () => brief.countReset('203.0.113.6', null)
    await count()
    let result = await count()
    // On a slow machine, the second one may already be in the next window.
    while (result.ok) result = await count()
    const { retryAfter } = result
    await new Promise((resolve) => setTimeout(resolve, retryAfter * 1000))
    expect(await count()).toEqual({ ok: true })
  })

  test('of fifty posts at the same time no more than the limit are allowed, and one rejection is marked as the first', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => limits.countReset('203.0.113.7', null)))
    expect(all.filter(({ ok }) => ok)).toHaveLength(5)
    expect(all.filter((counted) => !counted.ok && counted.first)).toHaveLength(1)
  })

  test('of one client’s events of a kind, the first in ten minutes is marked as the first', async () => {
    const isFirst = (client: string, kind: string) => limits.isFirstInWindow(client, kind)
    expect(await isFirst('203.0.113.16', 'signature-used a')).toBe(true)
    expect(await isFirst('203.0.113.16', 'signature-used a')).toBe(false)
    expect(await isFirst('203.0.113.16', 'signature-used b')).toBe(true)
    expect(await isFirst('203.0.113.17', 'signature-used a')).toBe(true)
    await opened.advanceClock(600)
    expect(await isFirst('203.0.113.16', 'signature-used a')).toBe(true)
  })

  test('all instances of an installation share the counts', async () => {
    const instances = [limits, opened.limits()]
    const count = (nth: number) => instances[nth % 2]!.countRequest('203.0.113.8', 'grace')
    expect(await repeat(4, count)).toEqual(allButLast(4))
  })
})

describe('the identity of logins and clients [A6]', () => {
  test('spellings of one address share a count, and usernames that differ in one letter do not', async () => {
    const spellings = ['ada@example.com', 'ADA@EXAMPLE.COM', 'Ada@Example.com', 'ada@EXAMPLE.com']
    const results = await repeat(4, (i) => limits.countRequest('203.0.113.9', spellings[i]!))
    expect(results).toEqual(allButLast(4))
    expect(await limits.countRequest('203.0.113.9', 'Ada')).toEqual({ ok: true })
    expect(await limits.countRequest('203.0.113.9', 'ada')).toEqual({ ok: true })
  })

  test('the composed and the decomposed form of one username share a count [A6, I6]', async () => {
    const spellings = ['jos\u00e9', 'jose\u0301']
    const results = await repeat(4, (i) => limits.countRequest('203.0.113.9', spellings[i % 2]!))
    expect(results).toEqual(allButLast(4))
    expect(await limits.countRequest('203.0.113.9', 'jose')).toEqual({ ok: true })
  })

  test('what one client does is never counted against another client [R3]', async () => {
    await repeat(9, () => limits.countRequest('203.0.113.10', 'grace'))
    await repeat(9, () => limits.countReset('203.0.113.10', null))
    await repeat(9, () => limits.countAttempt('203.0.113.10', 'a signature'))
    expect(await limits.countRequest('203.0.113.11', 'grace')).toEqual({ ok: true })
    expect(await limits.countReset('203.0.113.11', null)).toEqual({ ok: true })
    expect(await limits.countAttempt('203.0.113.11', 'a signature')).toEqual({ ok: true })
    expect(await limits.countAttempt('203.0.113.10', 'another signature')).toEqual({ ok: true })
  })

  test('a thousand addresses of one IPv6 /64 are one client, and the /64 beside it is another [R6, CVE-2026-45364]', async () => {
    const addresses = Array.from({ length: 1000 }, (_, i) => `2001:db8:0:1::${(i + 1).toString(16)}`)
    const counted = await Promise.all(addresses.map((address) => limits.countReset(address, null)))
    expect(counted.filter(({ ok }) => ok)).toHaveLength(5)
    expect(await opened.rows()).toHaveLength(1)
    expect(await limits.countReset('2001:db8:0:2::1', null)).toEqual({ ok: true })
  })

  test('all spellings of an IPv4 address are one client, and so are all clients without an address [R6]', async () => {
    const spellings = [
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '::FFFF:c000:201',
      '[::ffff:192.0.2.1]:443',
      '192.0.2.1:80',
    ]
    expect(await repeat(6, (i) => limits.countReset(spellings[i % 5]!, null))).toEqual(allButLast(6))
    const withoutAddress = ['unknown', '', 'localhost', '999.9.9.9', '/run/app.sock']
    expect(await repeat(6, (i) => limits.countReset(withoutAddress[i % 5]!, null))).toEqual(allButLast(6))
  })
})

describe('people who share a client address [R10]', () => {
  const [shared, own] = ['203.0.113.30', { signature: 'own link' }]

  test('six hundred forged links do not block a genuine link of the same client [R10]', async () => {
    const forged = await repeat(600, () => limits.countReset(shared, null))
    expect(forged.filter(Boolean)).toHaveLength(5)
    expect(await limits.countReset(shared, own)).toEqual({ ok: true })
    expect(await limits.countRenewal(shared, own)).toEqual({ ok: true })
  })

  test('a genuine link that is posted twenty times does not block another link of the same client [R10]', async () => {
    const theirs = { signature: 'a neighbour’s link' }
    await repeat(20, () => limits.countReset(shared, theirs))
    await repeat(20, () => limits.countRenewal(shared, theirs))
    expect(await limits.countReset(shared, theirs)).toMatchObject({ ok: false, limit: 'resetsPerLink' })
    expect(await limits.countReset(shared, own)).toEqual({ ok: true })
    expect(await limits.countRenewal(shared, own)).toEqual({ ok: true })
  })

  test('requests beyond the limit of a client do not block its renewal of a genuine link [R10]', async () => {
    await repeat(20, () => limits.countRequest(shared, newLogin()))
    expect(await limits.countRequest(shared, 'grace')).toMatchObject({
      ok: false,
      limit: 'requestsPerClient',
    })
    expect(await limits.countRenewal(shared, own)).toEqual({ ok: true })
  })
})

describe('the networks of one IPv6 /48 [R13]', () => {
  const networks = Array.from({ length: 40 }, (_, n) => `2001:db8:d:${n.toString(16)}::1`)
  const perClient = limitSettings.requestsPerClient.count
  const requestFromAll = async () => {
    const results: LimitResult[] = []
    for (const client of networks)
      for (let nth = 0; nth < perClient; nth += 1) results.push(await limits.countRequest(client, newLogin()))
    return results
  }

  test('forty /64s of one /48 may together send ten times the requests of one, and then none [R13]', async () => {
    const results = await requestFromAll()
    expect(results.filter(({ ok }) => ok)).toHaveLength(10 * perClient)
    expect(results.at(-1)).toMatchObject({ ok: false, limit: 'requestsPerSite' })
    expect(results.at(-1)).toHaveProperty('retryAfter', expect.closeTo(600, -2))
    expect(await limits.countRequest('2001:db8:e::1', 'grace')).toEqual({ ok: true })
  })

  test('two hundred requests of one /64 do not use up the limit of its /48 [R13]', async () => {
    await repeat(200, () => limits.countRequest(networks[0]!, newLogin()))
    expect(await limits.countRequest(networks[1]!, 'grace')).toEqual({ ok: true })
  })

  test('a /48 beyond its limit of requests may still reset, cancel and renew [R13]', async () => {
    await requestFromAll()
    const link = { signature: 'own link' }
    for (const client of [networks[0]!, networks[39]!, '2001:db8:d:ffff::1']) {
      expect(await limits.countRequest(client, 'grace')).toMatchObject({ ok: false })
      expect(await limits.countReset(client, link)).toEqual({ ok: true })
      expect(await limits.countReset(client, null)).toEqual({ ok: true })
      expect(await limits.countRenewal(client, link)).toEqual({ ok: true })
    }
  })

  test('IPv4 clients behind a translator are counted by their IPv4 address, not by /64 or /48 [R13]', async () => {
    const translated = (n: number, prefix: string) => `${prefix}203.0.113.${n + 100}`
    for (const prefix of ['64:ff9b::', '64:ff9b:1::', '64:ff9b:1:fffe::', '::ffff:'])
      for (let n = 0; n < 70; n += 1)
        expect(await limits.countRequest(translated(n, prefix), prefix)).toEqual({ ok: true })
    await repeat(9, () => limits.countReset('64:ff9b::203.0.113.9', null))
    expect(await limits.countReset('203.0.113.9', null)).toMatchObject({ ok: false })
    expect(await limits.countReset('64:ff9b::203.0.113.10', null)).toEqual({ ok: true })
  })
})

describe('the stored counts [R8]', () => {
  test('one client stores one row for each request that it may send, whatever logins it makes up', async () => {
    const client = '203.0.113.12'
    const requestMadeUpLogin = () => limits.countRequest(client, randomBytes(40).toString('hex'))
    for (let i = 0; i < 100; i += 1) await requestMadeUpLogin()
    const before = process.memoryUsage().rss
    // In the long form a hundred thousand requests, all within one window.
    const rounds = isLong ? 10_000 : 20
    for (let round = 0; round < rounds; round += 1) {
      const results = await Promise.all(Array.from({ length: 10 }, requestMadeUpLogin))
      expect(results.map(({ ok }) => ok)).toEqual(Array(10).fill(false))
    }
    expect(await opened.rows()).toHaveLength(1 + limitSettings.requestsPerClient.count)
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024)
  }, 7_200_000)

  test('stored counts reveal no login and no signature, and without the secret none can be tried out [L5]', async () => {
    await limits.countRequest('203.0.113.13', 'grace@example.com')
    await limits.countAttempt('203.0.113.13', 'c4n4ry')
    await limits.isFirstInWindow('203.0.113.13', 'signature-used 0198')
    const stored = JSON.stringify(await opened.rows())
    for (const typed of ['grace', 'example', 'c4n4ry', 'signature-used']) expect(stored).not.toContain(typed)
    const keysOf = async () =>
      (await opened.rows()).map(({ key }) => key).filter((key) => key.startsWith('requestsPerLogin'))
    const [own] = await keysOf()
    await opened.limits({}, `${limitSecret}x`).countRequest('203.0.113.13', 'grace@example.com')
    expect((await keysOf()).filter((key) => key !== own)).toHaveLength(1)
  })

  test('the purge deletes the counts of past windows and no others [L6, R8]', async () => {
    await limits.countReset('203.0.113.14', null)
    await limits.countRequest('2001:db8::1', newLogin())
    await opened.advanceClock(540)
    await limits.countReset('203.0.113.15', null)
    await limits.purge()
    // Two resets, and a request of a client in a /48 with its login.
    expect(await opened.rows()).toHaveLength(2 + 3)
    await opened.advanceClock(61)
    await limits.purge()
    expect((await opened.rows()).map(({ key }) => key)).toEqual(['forgeriesPerClient:203.0.113.15'])
  })
})

describe('a client that goes on after a rejection [R2, R8]', () => {
  const client = '203.0.113.20'
  const points = async () => (await opened.rows()).map((row) => row.points)

  test('a hundred more requests of a rejected client cost one statement a second, and each gets the seconds left', async () => {
    await repeat(6, () => limits.countReset(client, null))
    for (let i = 0; i < 100; i += 1)
      expect(await limits.countReset(client, null)).toMatchObject({ retryAfter: nearly(600) })
    expect(await points()).toEqual([6])
    await opened.advanceClock(0.9)
    expect(await limits.countReset(client, null)).toMatchObject({
      ok: false,
      retryAfter: nearly(600),
      first: false,
    })
    expect(await points()).toEqual([6])
    await opened.advanceClock(0.1)
    expect(await limits.countReset(client, null)).toMatchObject({
      ok: false,
      retryAfter: nearly(599),
      first: false,
    })
    expect(await points()).toEqual([7])
  })

  test('a rejected client is allowed again in the next window, and a second after its count was deleted', async () => {
    await repeat(5, () => limits.countReset(client, null))
    await opened.advanceClock(540)
    expect(await limits.countReset(client, null)).toMatchObject({ ok: false, retryAfter: nearly(60) })
    await opened.advanceClock(60)
    expect(await repeat(6, () => limits.countReset(client, null))).toEqual(allButLast(6))
    await opened.clear()
    expect(await limits.countReset(client, null)).toMatchObject({ ok: false })
    await opened.advanceClock(1)
    expect(await limits.countReset(client, null)).toEqual({ ok: true })
  })

  test('a rejection is remembered for its own client and its own limit only', async () => {
    await repeat(6, () => limits.countReset(client, null))
    expect(await limits.countReset('203.0.113.21', null)).toEqual({ ok: true })
    expect(await limits.countRequest(client, 'grace')).toEqual({ ok: true })
  })

  test('a process remembers ten thousand rejected clients and forgets the oldest beyond them [R8]', async () => {
    const strict = opened.limits({ resetsPerClient: { count: 1, seconds: 600 } })
    const crowd = Array.from({ length: 10_001 }, (_, n) => `2001:db8:1:${n.toString(16)}::1`)
    await opened.pool.query(
      `INSERT INTO "rekey"."limits" SELECT 'forgeriesPerClient:' || "of", 1, $2 FROM unnest($1::text[]) AS "of"`,
      [crowd.map(clientKey), Date.now() + 600_000],
    )
    // The first one alone, because the order of those at the same time is not known.
    await strict.countReset(crowd[0]!, null)
    for (let at = 1; at < crowd.length; at += 500)
      await Promise.all(crowd.slice(at, at + 500).map((one) => strict.countReset(one, null)))
    const pointsAfterRetry = async (one: string) => {
      await strict.countReset(one, null)
      const key = `forgeriesPerClient:${clientKey(one)}`
      return (await opened.rows()).find((row) => row.key === key)!.points
    }
    expect(await pointsAfterRetry(crowd[0]!)).toBe(3)
    expect(await pointsAfterRetry(crowd.at(-1)!)).toBe(2)
  }, 60_000)
})

describe('a limiter that cannot count [R8, C15, CVE-2026-73421]', () => {
  test('without its table, every function of the limiter throws instead of allowing', async () => {
    const calls = [
      () => limits.countRequest('203.0.113.18', 'grace'),
      () => limits.countReset('203.0.113.18', null),
      () => limits.countAttempt('203.0.113.18', 'a signature'),
      () => limits.countGuess('a signature'),
      () => limits.countRestart('an account'),
      () => limits.isFirstInWindow('203.0.113.18', 'x'),
      () => limits.countEmail(countedEmail({ first: true })),
    ]
    await opened.pool.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_gone"')
    try {
      for (const call of calls) await expect(call()).rejects.toBeInstanceOf(LimiterBroken)
    } finally {
      await opened.pool.query('ALTER TABLE "rekey"."limits_gone" RENAME TO "limits"')
    }
    for (const call of calls) await call()
  })

  test('without a database, the limiter throws instead of allowing', async () => {
    const pool = new pg.Pool({ connectionString: 'postgresql://127.0.0.1:1/x' })
    const broken = createLimits({ pool, schemas: defaultSchemaNames }, limitSecret, limitSettings)
    await expect(broken.countReset('203.0.113.19', null)).rejects.toBeInstanceOf(LimiterBroken)
    await pool.end()
  })
})
