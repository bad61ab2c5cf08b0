import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { clientKey } from '@/lib/addresses/client-ip'
import type { LimitSettings } from './limit-table'
import { createLimits, LimiterBroken, type LimitResult } from './limits'
import { defaultSchemaNames } from '@/lib/config/schema-names'

const settings: LimitSettings = {
  requestsPerClient: { count: 6, seconds: 600 },
  requestsPerLogin: { count: 3, seconds: 600 },
  resetsPerClient: { count: 5, seconds: 600 },
  attemptsPerLink: { count: 2, seconds: 3600 },
  emails: { count: 3, seconds: 3600 },
  emailsPerMailbox: { count: 4, seconds: 3600 },
}
const secret = randomBytes(32).toString('base64url')

let database: TestDatabase
let pool: pg.Pool
let limits: ReturnType<typeof createLimits>
beforeAll(async () => {
  database = await createMigratedDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 4 })
}, 120_000)
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  limits = createLimits({ pool, schemas: defaultSchemaNames }, secret, settings)
  await pool.query('DELETE FROM "rekey"."limits"')
})
afterEach(() => vi.useRealTimers())
afterAll(async () => {
  await pool.end()
  await database.drop()
})

type Row = { key: string; points: number; expire: string }
const rows = async () => (await pool.query<Row>('SELECT * FROM "rekey"."limits" ORDER BY "key"')).rows

/** Seconds, of which some may have passed on the database's clock, which no test can stop. */
const nearly = (seconds: number) =>
  expect.toSatisfy((told: number) => told <= seconds && told > seconds - 50, `nearly ${seconds}`)

/** Lets time pass for everything that is counted, and in this process. */
async function pass(seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000)
  // The embedded database runs in this process, and takes the time from its clock.
  if (!testServer) return
  await pool.query('UPDATE "rekey"."limits" SET "expire" = "expire" - $1::bigint', [
    Math.round(seconds * 1000),
  ])
}

/** Whether each of several calls, one after the other, was let through. */
async function inTurn(times: number, count: (i: number) => Promise<{ ok: boolean }>): Promise<boolean[]> {
  const passed: boolean[] = []
  for (let i = 0; i < times; i += 1) passed.push((await count(i)).ok)
  return passed
}

describe('what is counted [R1]', () => {
  test.each<[string, number, () => Promise<LimitResult>]>([
    ['asks of a client', 6, () => limits.countRequest('203.0.113.1', randomBytes(8).toString('hex'))],
    ['asks for one login', 3, () => limits.countRequest('203.0.113.2', 'grace')],
    ['posts of forged links', 5, () => limits.countReset('203.0.113.3', null)],
    ['posts of one genuine link', 5, () => limits.countReset('203.0.113.3', { signature: 'a signature' })],
    ['renewals of one link', 3, () => limits.countRenewal('203.0.113.3', { signature: 'a signature' })],
    ['refused passwords of a link', 2, () => limits.countAttempt('203.0.113.4', 'a signature')],
    ['fresh resets that "this wasn’t me" starts', 3, () => limits.countRestart('an account')],
    ['guesses at a second factor with a link', 10, () => limits.countGuess('a signature')],
  ])(
    '%s: the setting’s count passes, the next does not, and only its first refusal is marked',
    async (_what, allowed, count) => {
      expect(await inTurn(allowed, count)).toEqual(Array(allowed).fill(true))
      const [refused, again] = [await count(), await count()]
      expect([refused, again]).toMatchObject([
        { ok: false, first: true },
        { ok: false, first: false },
      ])
    },
  )

  test('a refusal says when the next passes, neither earlier nor later [R4]', async () => {
    await inTurn(5, () => limits.countReset('203.0.113.5', null))
    const refused = await limits.countReset('203.0.113.5', null)
    expect(refused).toEqual({ ok: false, retryAfter: nearly(600), first: true, limit: 'forgeriesPerClient' })
    await pass(540)
    expect(await limits.countReset('203.0.113.5', null)).toMatchObject({ ok: false, first: false })
    await pass(60)
    expect(await limits.countReset('203.0.113.5', null)).toEqual({ ok: true })
  })

  test('guesses with a link are counted for as long as any link lives [R3]', async () => {
    await inTurn(10, () => limits.countGuess('a signature'))
    await pass(86_340)
    expect(await limits.countGuess('a signature')).toMatchObject({ ok: false, limit: 'guessesPerLink' })
    expect(await limits.countGuess('another signature')).toEqual({ ok: true })
  })

  test('hashes with a link are counted for as long as any link lives, and one that was not made is taken back [W9]', async () => {
    await inTurn(10, () => limits.countHash('a signature'))
    await limits.returnHash('a signature')
    expect(await limits.countHash('a signature')).toEqual({ ok: true })
    await pass(86_340)
    expect(await limits.countHash('a signature')).toMatchObject({ ok: false, limit: 'hashesPerLink' })
    expect(await limits.countHash('another signature')).toEqual({ ok: true })
  })

  test('and by the clock on the wall [R4]', async () => {
    vi.useRealTimers()
    const brief = createLimits({ pool, schemas: defaultSchemaNames }, secret, {
      ...settings,
      resetsPerClient: { count: 1, seconds: 1 },
    })
    await brief.countReset('203.0.113.6', null)
    let refused = await brief.countReset('203.0.113.6', null)
    while (refused.ok) refused = await brief.countReset('203.0.113.6', null)
    await new Promise((resolve) => setTimeout(resolve, refused.ok ? 0 : refused.retryAfter * 1000))
    expect(await brief.countReset('203.0.113.6', null)).toEqual({ ok: true })
  })

  test('of fifty at once no more pass than may, and one refusal is the first', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => limits.countReset('203.0.113.7', null)))
    expect(all.filter(({ ok }) => ok)).toHaveLength(5)
    expect(all.filter((counted) => !counted.ok && counted.first)).toHaveLength(1)
  })

  test('another instance of the deployment shares the counts', async () => {
    const twin = createLimits({ pool, schemas: defaultSchemaNames }, secret, settings)
    const sendRequest = (i: number) => (i % 2 === 0 ? limits : twin).countRequest('203.0.113.8', 'grace')
    expect(await inTurn(4, sendRequest)).toEqual([true, true, true, false])
  })
})

describe('whose count it is [A6]', () => {
  test('an address in other spellings is one identifier; user names are told apart to the letter', async () => {
    const spellings = ['ada@example.com', 'ADA@EXAMPLE.COM', 'Ada@Example.com', 'ada@EXAMPLE.com']
    const results = await inTurn(4, (i) => limits.countRequest('203.0.113.9', spellings[i]!))
    expect(results).toEqual([true, true, true, false])
    expect(await limits.countRequest('203.0.113.9', 'Ada')).toEqual({ ok: true })
    expect(await limits.countRequest('203.0.113.9', 'ada')).toEqual({ ok: true })
  })

  test('a username composed and decomposed is one identifier [A6, I6]', async () => {
    const spellings = ['jos\u00e9', 'jose\u0301']
    const results = await inTurn(4, (i) => limits.countRequest('203.0.113.9', spellings[i % 2]!))
    expect(results).toEqual([true, true, true, false])
    expect(await limits.countRequest('203.0.113.9', 'jose')).toEqual({ ok: true })
  })

  test('nothing that a client does is counted against another one [R3]', async () => {
    await inTurn(9, () => limits.countRequest('203.0.113.10', 'grace'))
    await inTurn(9, () => limits.countReset('203.0.113.10', null))
    await inTurn(9, () => limits.countAttempt('203.0.113.10', 'a signature'))
    expect(await limits.countRequest('203.0.113.11', 'grace')).toEqual({ ok: true })
    expect(await limits.countReset('203.0.113.11', null)).toEqual({ ok: true })
    expect(await limits.countAttempt('203.0.113.11', 'a signature')).toEqual({ ok: true })
    expect(await limits.countAttempt('203.0.113.10', 'another signature')).toEqual({ ok: true })
  })

  test('a thousand addresses of one /64 are one client; its neighbour is another [R6, CVE-2026-45364]', async () => {
    const addresses = Array.from({ length: 1000 }, (_, i) => `2001:db8:0:1::${(i + 1).toString(16)}`)
    const counted = await Promise.all(addresses.map((address) => limits.countReset(address, null)))
    expect(counted.filter(({ ok }) => ok)).toHaveLength(5)
    expect(await rows()).toHaveLength(1)
    expect(await limits.countReset('2001:db8:0:2::1', null)).toEqual({ ok: true })
  })

  test('an IPv4 address mapped into IPv6 is itself, and all without an address are one [R6]', async () => {
    const spellings = [
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '::FFFF:c000:201',
      '[::ffff:192.0.2.1]:443',
      '192.0.2.1:80',
    ]
    expect(await inTurn(6, (i) => limits.countReset(spellings[i % 5]!, null))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ])
    const none = ['unknown', '', 'localhost', '999.9.9.9', '/run/app.sock']
    expect(await inTurn(6, (i) => limits.countReset(none[i % 5]!, null))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ])
  })
})

describe('what people of one network do to each other [R10]', () => {
  const [shared, mine] = ['203.0.113.30', { signature: 'my link' }]

  test('six hundred forged links refuse no genuine one of the same client, to reset, cancel or renew [R10]', async () => {
    const forged = await inTurn(600, () => limits.countReset(shared, null))
    expect(forged.filter(Boolean)).toHaveLength(5)
    expect(await limits.countReset(shared, mine)).toEqual({ ok: true })
    expect(await limits.countRenewal(shared, mine)).toEqual({ ok: true })
  })

  test('nor does a genuine link that somebody else of the network has and posts again and again [R10]', async () => {
    const theirs = { signature: 'a neighbour’s link' }
    await inTurn(20, () => limits.countReset(shared, theirs))
    await inTurn(20, () => limits.countRenewal(shared, theirs))
    expect(await limits.countReset(shared, theirs)).toMatchObject({ ok: false, limit: 'resetsPerLink' })
    expect(await limits.countReset(shared, mine)).toEqual({ ok: true })
    expect(await limits.countRenewal(shared, mine)).toEqual({ ok: true })
  })

  test('requests for links that use up the share of a network refuse no renewal of a genuine link [R10]', async () => {
    await inTurn(20, () => limits.countRequest(shared, randomBytes(8).toString('hex')))
    expect(await limits.countRequest(shared, 'grace')).toMatchObject({
      ok: false,
      limit: 'requestsPerClient',
    })
    expect(await limits.countRenewal(shared, mine)).toEqual({ ok: true })
  })
})

describe('a /48 [R13]', () => {
  const networks = Array.from({ length: 40 }, (_, n) => `2001:db8:d:${n.toString(16)}::1`)
  const sendAllRequests = async (each: number) => {
    const results: LimitResult[] = []
    for (const client of networks)
      for (let i = 0; i < each; i += 1)
        results.push(await limits.countRequest(client, randomBytes(8).toString('hex')))
    return results
  }

  test('its forty /64s together request ten times what one may, and are then refused [R13]', async () => {
    const results = await sendAllRequests(settings.requestsPerClient.count)
    expect(results.filter(({ ok }) => ok)).toHaveLength(10 * settings.requestsPerClient.count)
    expect(results.at(-1)).toMatchObject({ ok: false, limit: 'requestsPerSite' })
    expect(results.at(-1)).toHaveProperty('retryAfter', expect.closeTo(600, -2))
    expect(await limits.countRequest('2001:db8:e::1', 'grace')).toEqual({ ok: true })
  })

  test('one /64 uses up its own share of it and no more, however long it goes on [R13]', async () => {
    await inTurn(200, () => limits.countRequest(networks[0]!, randomBytes(8).toString('hex')))
    expect(await limits.countRequest(networks[1]!, 'grace')).toEqual({ ok: true })
  })

  test('once it is used up, nobody in it is refused a reset, a cancel or a renewal [R13]', async () => {
    await sendAllRequests(settings.requestsPerClient.count)
    const link = { signature: 'my link' }
    for (const client of [networks[0]!, networks[39]!, '2001:db8:d:ffff::1']) {
      expect(await limits.countRequest(client, 'grace')).toMatchObject({ ok: false })
      expect(await limits.countReset(client, link)).toEqual({ ok: true })
      expect(await limits.countReset(client, null)).toEqual({ ok: true })
      expect(await limits.countRenewal(client, link)).toEqual({ ok: true })
    }
  })

  test('clients of IPv4 behind a translator share neither a /64 nor a /48 [R13]', async () => {
    const translated = (n: number, prefix: string) => `${prefix}203.0.113.${n + 100}`
    for (const prefix of ['64:ff9b::', '64:ff9b:1::', '64:ff9b:1:fffe::', '::ffff:'])
      for (let n = 0; n < 70; n += 1)
        expect(await limits.countRequest(translated(n, prefix), prefix)).toEqual({ ok: true })
    await inTurn(9, () => limits.countReset('64:ff9b::203.0.113.9', null))
    expect(await limits.countReset('203.0.113.9', null)).toMatchObject({ ok: false })
    expect(await limits.countReset('64:ff9b::203.0.113.10', null)).toEqual({ ok: true })
  })
})

describe('what is kept [R8]', () => {
  test('one client fills a row for each ask that it may, whatever it makes up', async () => {
    const client = '203.0.113.12'
    const requestForAnybody = () => limits.countRequest(client, randomBytes(40).toString('hex'))
    for (let i = 0; i < 100; i += 1) await requestForAnybody()
    const before = process.memoryUsage().rss
    // A hundred thousand asks, well within one window.
    const rounds = isLong ? 10_000 : 20
    for (let round = 0; round < rounds; round += 1) {
      const asks = await Promise.all(Array.from({ length: 10 }, requestForAnybody))
      expect(asks.map(({ ok }) => ok)).toEqual(Array(10).fill(false))
    }
    expect(await rows()).toHaveLength(1 + settings.requestsPerClient.count)
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024)
  }, 7_200_000)

  test('what a crowd of clients left behind goes with the first purge after its time [R8]', async () => {
    const networks = Array.from({ length: 50 }, (_, n) => `2001:db8:${n.toString(16)}::1`)
    for (const client of networks) await limits.countRequest(client, randomBytes(8).toString('hex'))
    expect(await rows()).toHaveLength(3 * networks.length)
    await pass(601)
    await limits.purge()
    expect(await rows()).toEqual([])
  })

  test('neither a login nor a signature can be read from it, nor tried against it without the secret [L5]', async () => {
    await limits.countRequest('203.0.113.13', 'grace@example.com')
    await limits.countAttempt('203.0.113.13', 'c4n4ry')
    await limits.isFirstInWindow('203.0.113.13', 'signature-used 0198')
    const kept = JSON.stringify(await rows())
    for (const typed of ['grace', 'example', 'c4n4ry', 'signature-used']) expect(kept).not.toContain(typed)
    const keysOf = async () =>
      (await rows()).map(({ key }) => key).filter((key) => key.startsWith('requestsPerLogin'))
    const [own] = await keysOf()
    await createLimits({ pool, schemas: defaultSchemaNames }, `${secret}x`, settings).countRequest(
      '203.0.113.13',
      'grace@example.com',
    )
    expect((await keysOf()).filter((key) => key !== own)).toHaveLength(1)
  })

  test('the purge takes what no longer counts, and nothing else [L6]', async () => {
    await limits.countReset('203.0.113.14', null)
    await pass(540)
    await limits.countReset('203.0.113.15', null)
    await limits.purge()
    expect(await rows()).toHaveLength(2)
    await pass(61)
    await limits.purge()
    expect((await rows()).map(({ key }) => key)).toEqual(['forgeriesPerClient:203.0.113.15'])
  })
})

describe('notes and the email budget', () => {
  test('a kind of refusal is worth one note per client in ten minutes', async () => {
    const note = (client: string, kind: string) => limits.isFirstInWindow(client, kind)
    expect(await note('203.0.113.16', 'signature-used a')).toBe(true)
    expect(await note('203.0.113.16', 'signature-used a')).toBe(false)
    expect(await note('203.0.113.16', 'signature-used b')).toBe(true)
    expect(await note('203.0.113.17', 'signature-used a')).toBe(true)
    await pass(600)
    expect(await note('203.0.113.16', 'signature-used a')).toBe(true)
  })

  const oneEmail = () => limits.spendEmail({ first: false })
  const firstEmail = () => limits.spendEmail({ first: true })

  test('emails of the installation are limited, and that they are used up is told once in ten minutes [R1]', async () => {
    expect(await inTurn(3, oneEmail)).toEqual([true, true, true])
    expect(await oneEmail()).toMatchObject({ ok: false, alert: true })
    expect(await oneEmail()).toMatchObject({ ok: false, alert: false })
    await pass(3600)
    expect(await oneEmail()).toMatchObject({ ok: true, alert: false })
  })

  test('who spends the budget stops no account’s first email, until as many again have left [R1, R3]', async () => {
    await inTurn(3, oneEmail)
    expect(await firstEmail()).toMatchObject({ ok: true, alert: true })
    expect(await inTurn(4, firstEmail)).toEqual([true, true, false, false])
    expect(await inTurn(2, oneEmail)).toEqual([false, false])
  })

  test('an email that was not sent gives its share back', async () => {
    await inTurn(2, oneEmail)
    await (await oneEmail()).release()
    expect(await inTurn(2, oneEmail)).toEqual([true, false])
  })

  test('the shares of emails that were not sent go back to the budget that they were taken from [R1]', async () => {
    await inTurn(3, oneEmail)
    const firsts = [await firstEmail(), await firstEmail(), await firstEmail()]
    await firsts[0]!.release()
    expect(await inTurn(2, firstEmail)).toEqual([true, false])
  })
})

describe('whether one’s own email leaves [A9]', () => {
  const large: LimitSettings = { ...settings, emails: { count: 400, seconds: 3600 } }
  const budgeted = (key = secret) => createLimits({ pool, schemas: defaultSchemaNames }, key, large)

  const setPoints = (name: string, points: number) =>
    pool.query('UPDATE "rekey"."limits" SET "points" = $2 WHERE "key" LIKE $1', [`${name}:all %`, points])

  /** How many emails of the present window leave, found by halving: between 200 and 500. */
  async function findBudget(of: typeof limits, name: 'emails' | 'firstEmails'): Promise<number> {
    const spend = () => of.spendEmail({ first: name === 'firstEmails' })
    await pool.query('DELETE FROM "rekey"."limits"')
    await spend()
    if (name === 'firstEmails') {
      await setPoints('emails', 500)
      await spend()
    }
    let [leaves, refused] = [200, 500]
    while (refused - leaves > 1) {
      const middle = Math.floor((leaves + refused) / 2)
      await setPoints(name, middle - 1)
      if ((await spend()).ok) leaves = middle
      else refused = middle
    }
    return leaves
  }

  test.each([350, 400])(
    'does not tell whether a candidate had an email just before it, the %ith of 400: budgets are drawn [A9]',
    async (place) => {
      const of = budgeted()
      const tries = isLong ? 200 : 50
      let right = 0
      for (let i = 0; i < tries; i += 1) {
        await pass(3600)
        const known = i % 2 === 0
        // Accounts of one's own spend what comes before; then the candidate is asked for, then one's own again.
        await of.spendEmail({ first: false })
        await pool.query(`UPDATE "rekey"."limits" SET "points" = $1 WHERE "key" LIKE 'emails:%'`, [place - 1])
        if (known) await of.spendEmail({ first: false })
        const arrives = (await of.spendEmail({ first: false })).ok
        // An exact counter of so many lets it leave if and only if the candidate had none.
        if (arrives !== known) right += 1
      }
      // Guessing is right in half of the tries; in 38 or more of 50, once in five thousand runs.
      expect(right / tries).toBeLessThanOrEqual(0.74)
    },
  )

  test('the budgets of windows differ by many emails, lie within a quarter of the setting, and the second tells nothing of the first [A9]', async () => {
    const of = budgeted()
    const found: [number, number][] = []
    for (let i = 0; i < 8; i += 1) {
      await pass(3600)
      found.push([await findBudget(of, 'emails'), await findBudget(of, 'firstEmails')])
    }
    for (const budget of found.flat()) {
      expect(budget).toBeGreaterThanOrEqual(300)
      expect(budget).toBeLessThanOrEqual(400)
    }
    const spread = (values: number[]) => Math.max(...values) - Math.min(...values)
    expect(spread(found.map(([usual]) => usual))).toBeGreaterThan(15)
    expect(spread(found.map(([usual, first]) => first - usual))).toBeGreaterThan(15)
  })

  test('all instances agree on a window’s budget, and only who has the secret can know it [A9]', async () => {
    const budgets: number[] = []
    for (const of of [budgeted(), budgeted(), budgeted(`${secret}x`)]) {
      const usual = await findBudget(of, 'emails')
      budgets.push(usual * 1000 + (await findBudget(of, 'firstEmails')))
    }
    expect(budgets[1]).toBe(budgets[0])
    expect(budgets[2]).not.toBe(budgets[0])
  })

  test('a budget that was found spent stays spent, so that an email that failed does not show in one that leaves then [A9]', async () => {
    const taken = [await limits.spendEmail({ first: false }), await limits.spendEmail({ first: false })]
    expect(await inTurn(2, () => limits.spendEmail({ first: false }))).toEqual([true, false])
    for (const { release } of taken) await release()
    expect(await inTurn(2, () => limits.spendEmail({ first: false }))).toEqual([false, false])
  })
})

describe('emails to one mailbox [R11]', () => {
  const never = async () => false
  const always = async () => true
  const spend = (account: string, isOnTurn = never, address = 'a@example.com') =>
    limits.spendMailbox(address, account, isOnTurn)

  test('are limited, whichever of its accounts they are for; another mailbox has its own [R11]', async () => {
    expect(await inTurn(5, (i) => spend(`account ${i}`))).toEqual([true, true, true, true, false])
    expect(await spend('account 0', never, 'b@example.com')).toMatchObject({ ok: true })
    await pass(3600)
    expect(await spend('account 0')).toMatchObject({ ok: true })
  })

  test('once they are used up, an account on turn has one more, and twenty of them at most [R11]', async () => {
    await inTurn(4, () => spend('strangers'))
    expect(await inTurn(2, () => spend('own', always))).toEqual([true, false])
    const others = await inTurn(30, (i) => spend(`other ${i}`, always))
    expect(others.filter(Boolean)).toHaveLength(19)
  })

  test('one that was not sent is given back [R11]', async () => {
    await inTurn(3, () => spend('x'))
    await (await spend('x')).release()
    expect(await inTurn(2, () => spend('x'))).toEqual([true, false])
  })

  test('of a hundred accounts the oldest are always on turn, and every other one is in time; of few, all are [R11]', async () => {
    const ids = Array.from({ length: 100 }, (_, n) => `id ${n}`)
    expect(limits.chooseOnTurn(ids.slice(0, 20))).toEqual(ids.slice(0, 20))
    const seen = new Set<string>()
    for (let i = 0; i < 200; i += 1) {
      const chosen = limits.chooseOnTurn(ids)
      expect(new Set(chosen).size).toBe(20)
      expect(chosen.slice(0, 10)).toEqual(ids.slice(0, 10))
      for (const id of chosen) seen.add(id)
      await pass(3600)
    }
    // Each of the ninety is left out of 200 draws of ten once in ten billion times.
    expect(seen.size).toBe(100)
  })

  test('neither an address nor an account is in the table of limits [R11, L5]', async () => {
    await inTurn(5, () => spend('account-id', always, 'grace@example.com'))
    for (const { key } of await rows()) expect(key).not.toMatch(/grace|example|account-id/)
  })
})

describe('who goes on after a refusal [R2, R8]', () => {
  const client = '203.0.113.20'
  const points = async () => (await rows()).map((row) => row.points)

  test('costs the database a statement a second, not one each time, and is told the time that is left', async () => {
    await inTurn(6, () => limits.countReset(client, null))
    for (let i = 0; i < 100; i += 1)
      expect(await limits.countReset(client, null)).toMatchObject({ retryAfter: nearly(600) })
    expect(await points()).toEqual([6])
    await pass(0.9)
    expect(await limits.countReset(client, null)).toMatchObject({
      ok: false,
      retryAfter: nearly(600),
      first: false,
    })
    expect(await points()).toEqual([6])
    await pass(0.1)
    expect(await limits.countReset(client, null)).toMatchObject({
      ok: false,
      retryAfter: nearly(599),
      first: false,
    })
    expect(await points()).toEqual([7])
  })

  test('is heard again on time, and a second after its count was deleted', async () => {
    await inTurn(5, () => limits.countReset(client, null))
    await pass(540)
    expect(await limits.countReset(client, null)).toMatchObject({ ok: false, retryAfter: nearly(60) })
    await pass(60)
    expect(await inTurn(6, () => limits.countReset(client, null))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ])
    await pool.query('DELETE FROM "rekey"."limits"')
    expect(await limits.countReset(client, null)).toMatchObject({ ok: false })
    await pass(1)
    expect(await limits.countReset(client, null)).toEqual({ ok: true })
  })

  test('is remembered for itself alone', async () => {
    await inTurn(6, () => limits.countReset(client, null))
    expect(await limits.countReset('203.0.113.21', null)).toEqual({ ok: true })
    expect(await limits.countRequest(client, 'grace')).toEqual({ ok: true })
  })

  test('a crowd of refused clients is remembered within bounds [R8]', async () => {
    const strict = createLimits({ pool, schemas: defaultSchemaNames }, secret, {
      ...settings,
      resetsPerClient: { count: 1, seconds: 600 },
    })
    const crowd = Array.from({ length: 10_001 }, (_, n) => `2001:db8:1:${n.toString(16)}::1`)
    await pool.query(
      `INSERT INTO "rekey"."limits" SELECT 'forgeriesPerClient:' || "of", 1, $2 FROM unnest($1::text[]) AS "of"`,
      [crowd.map(clientKey), Date.now() + 600_000],
    )
    // The first one alone, because of those at once any may be the first.
    await strict.countReset(crowd[0]!, null)
    for (let at = 1; at < crowd.length; at += 500)
      await Promise.all(crowd.slice(at, at + 500).map((one) => strict.countReset(one, null)))
    const again = async (one: string) => {
      await strict.countReset(one, null)
      const key = `forgeriesPerClient:${clientKey(one)}`
      return (await rows()).find((row) => row.key === key)!.points
    }
    expect(await again(crowd[0]!)).toBe(3)
    expect(await again(crowd.at(-1)!)).toBe(2)
  }, 60_000)
})

describe('when it cannot count [R8, C15, CVE-2026-73421]', () => {
  test('it says so, whatever is asked of it; never "no limit"', async () => {
    const calls = [
      () => limits.countRequest('203.0.113.18', 'grace'),
      () => limits.countReset('203.0.113.18', null),
      () => limits.countAttempt('203.0.113.18', 'a signature'),
      () => limits.countGuess('a signature'),
      () => limits.countRestart('an account'),
      () => limits.isFirstInWindow('203.0.113.18', 'x'),
      () => limits.spendEmail({ first: true }),
    ]
    await pool.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_gone"')
    try {
      for (const call of calls) await expect(call()).rejects.toBeInstanceOf(LimiterBroken)
    } finally {
      await pool.query('ALTER TABLE "rekey"."limits_gone" RENAME TO "limits"')
    }
    for (const call of calls) await call()
  })

  test('nor when nobody answers', async () => {
    const nowhere = new pg.Pool({ connectionString: 'postgresql://127.0.0.1:1/x' })
    await expect(
      createLimits({ pool: nowhere, schemas: defaultSchemaNames }, secret, settings).countReset(
        '203.0.113.19',
        null,
      ),
    ).rejects.toBeInstanceOf(LimiterBroken)
    await nowhere.end()
  })
})
