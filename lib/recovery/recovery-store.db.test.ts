import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newAccount, openAccounts, type OpenedAccounts } from '@/e2e/support/opened-accounts'
import type { AccountEmailLimits } from './email-reservations'

let opened: OpenedAccounts
let id: string
beforeAll(async () => void (opened = await openAccounts()), 120_000)
beforeEach(async () => void (id = await opened.accounts.add(newAccount())))
afterAll(() => opened.close())

const revokeLinks = (epoch = 0, pause = 3600, of = id) =>
  opened.transaction((tx) => opened.recovery.revokeLinks(tx, of, epoch, pause))

type Recovery = { epoch: number; paused: Date | null; jobs: string[]; times: Date[] }
async function rowOf(of = id): Promise<Recovery | undefined> {
  const { rows } = await opened.sql.query<Recovery>(
    `SELECT "links_epoch" AS "epoch", "emails_paused_until" AS "paused", "email_jobs"::text[] AS "jobs", "email_times" AS "times"
       FROM "rekey"."recovery" WHERE "account_id" = $1`,
    [of],
  )
  return rows[0]
}

describe('the emails of one account', () => {
  const limits: AccountEmailLimits = { cooldown: 0, perAccount: { count: 3, seconds: 3600 } }
  const withCooldown: AccountEmailLimits = { ...limits, cooldown: 60 }

  type Facts = { limits?: AccountEmailLimits; bypass?: boolean; of?: string; age?: number }

  /** Reserves an email for a job. @param facts `age`: seconds since the link was requested */
  const reserve = (job: string = randomUUID(), facts: Facts = {}) =>
    opened.recovery.reserveEmail(
      facts.of ?? id,
      job,
      new Date(Date.now() + (3600 - (facts.age ?? 0)) * 1000),
      { limits: facts.limits ?? limits, bypass: facts.bypass ?? false, keepFor: 3600 },
    )
  const tryToReserve = async (...given: Parameters<typeof reserve>) => (await reserve(...given)) !== null

  const advanceClock = (seconds: number) =>
    opened.sql.query(
      `UPDATE "rekey"."recovery" SET "emails_paused_until" = "emails_paused_until" - make_interval(secs => $2),
         "email_times" = ARRAY(SELECT t - make_interval(secs => $2) FROM unnest("email_times") AS t)
       WHERE "account_id" = $1`,
      [id, seconds],
    )

  test('an account gets as many emails as the limit says, and the next once the oldest left the window [R2]', async () => {
    expect([await tryToReserve(), await tryToReserve()]).toEqual([true, true])
    await advanceClock(1800)
    expect([await tryToReserve(), await tryToReserve()]).toEqual([true, false])
    await advanceClock(1801)
    expect([await tryToReserve(), await tryToReserve(), await tryToReserve()]).toEqual([true, true, false])
  })

  test('of fifty jobs at the same time three get an email, also for an account that another application wrote [R2]', async () => {
    for (const of of [id, await opened.addPastRekey()]) {
      const reserved = await Promise.all(Array.from({ length: 50 }, () => tryToReserve(randomUUID(), { of })))
      expect(reserved.filter(Boolean)).toHaveLength(3)
      expect((await rowOf(of))!.jobs).toHaveLength(3)
    }
  })

  test('a retry of a job with a reservation is allowed whatever was reserved since, and reserves no second email [R2]', async () => {
    const job = randomUUID()
    expect([
      await tryToReserve(job),
      await tryToReserve(),
      await tryToReserve(),
      await tryToReserve(),
    ]).toEqual([true, true, true, false])
    expect([await tryToReserve(job), await tryToReserve(job)]).toEqual([true, true])
    expect((await rowOf())!.jobs).toHaveLength(3)
    await advanceClock(3599)
    expect(await tryToReserve(job, { limits: withCooldown })).toBe(true)
  })

  test('the first email of a window is marked as the first, also for parallel jobs and for retries [R3]', async () => {
    for (const of of [id, await opened.addPastRekey()]) {
      const reservations = await Promise.all(Array.from({ length: 3 }, () => reserve(randomUUID(), { of })))
      expect(reservations.map((reservation) => reservation?.first).sort()).toEqual([false, false, true])
    }
    const { jobs } = (await rowOf())!
    const isFirst = async (job?: string) => (await reserve(job))?.first
    expect([await isFirst(jobs[0]), await isFirst(jobs[1]), await isFirst(jobs[2])]).toEqual([
      false,
      false,
      true,
    ])
    await advanceClock(3601)
    expect([await isFirst(), await isFirst()]).toEqual([true, false])
  })

  test('an account gets no second email within the cool-down, and gets one after it [T6]', async () => {
    expect(await tryToReserve(undefined, { limits: withCooldown })).toBe(true)
    await advanceClock(58)
    expect(await tryToReserve(undefined, { limits: withCooldown })).toBe(false)
    await advanceClock(3)
    expect(await tryToReserve(undefined, { limits: withCooldown })).toBe(true)
  })

  test('without a cool-down, requests at the same moment do not block each other [T6]', async () => {
    const many: AccountEmailLimits = { cooldown: 0, perAccount: { count: 100, seconds: 3600 } }
    const reserved = await Promise.all(
      Array.from({ length: 60 }, () => tryToReserve(randomUUID(), { limits: many })),
    )
    expect(reserved.filter(Boolean)).toHaveLength(60)
  })

  test('without a cool-down, a delayed email stops counting when its link expires [F4, R3]', async () => {
    const late = { age: 3000 }
    const reserved = [
      await tryToReserve(undefined, late),
      await tryToReserve(undefined, late),
      await tryToReserve(undefined, late),
    ]
    expect([...reserved, await tryToReserve()]).toEqual([true, true, true, false])
    await advanceClock(590)
    expect(await tryToReserve()).toBe(false)
    await advanceClock(12)
    expect([await tryToReserve(), await tryToReserve(), await tryToReserve(), await tryToReserve()]).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  test('delayed emails also count in a window that is shorter than the life of a link [R2]', async () => {
    const short: AccountEmailLimits = { cooldown: 0, perAccount: { count: 1, seconds: 600 } }
    const late = { limits: short, age: 2000 }
    expect([await tryToReserve(undefined, late), await tryToReserve(undefined, late)]).toEqual([true, false])
    await advanceClock(590)
    expect(await tryToReserve(undefined, late)).toBe(false)
    await advanceClock(12)
    expect(await tryToReserve(undefined, late)).toBe(true)
  })

  test('a cool-down begins when an email is sent, even if it was delayed [T6]', async () => {
    expect(await tryToReserve(undefined, { limits: withCooldown, age: 3000 })).toBe(true)
    expect(await tryToReserve(undefined, { limits: withCooldown })).toBe(false)
  })

  test('an account’s row keeps only the reservations that still count', async () => {
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 4; i += 1) await tryToReserve()
      const { jobs, times } = (await rowOf())!
      expect([jobs.length, times.length]).toEqual([3, 3])
      await advanceClock(3601)
    }
  })

  test('a released reservation is free again, and no other one is [R2]', async () => {
    const [first, second] = [randomUUID(), randomUUID()]
    await tryToReserve(first)
    await advanceClock(100)
    await tryToReserve(second)
    const times = (await rowOf())!.times
    await opened.recovery.releaseEmail(id, first)
    await opened.recovery.releaseEmail(id, first)
    await opened.recovery.releaseEmail(id, randomUUID())
    expect(await rowOf()).toMatchObject({ jobs: [second], times: [times[0]] })
    expect([await tryToReserve(), await tryToReserve(), await tryToReserve()]).toEqual([true, true, false])
  })

  test('"this wasn’t me" pauses the account’s emails for its time, and not for longer', async () => {
    await revokeLinks()
    expect(await tryToReserve()).toBe(false)
    await advanceClock(3590)
    expect(await tryToReserve()).toBe(false)
    await advanceClock(20)
    expect(await tryToReserve()).toBe(true)
  })

  test('a pause also blocks an email that was reserved before, because its link would be signed anew [T5]', async () => {
    const job = randomUUID()
    expect(await tryToReserve(job)).toBe(true)
    await revokeLinks()
    expect(await tryToReserve(job)).toBe(false)
  })

  test('the email that "this wasn’t me" requests is allowed during the pause and beyond the limit', async () => {
    for (let i = 0; i < 3; i += 1) await tryToReserve()
    await revokeLinks()
    const job = randomUUID()
    expect(await tryToReserve(job, { limits: withCooldown, bypass: true })).toBe(true)
    expect(await tryToReserve(job, { limits: withCooldown, bypass: true })).toBe(true)
    expect(await tryToReserve()).toBe(false)
  })

  test('a reservation returns the epoch to sign the link with, also if the row was purged meanwhile', async () => {
    await revokeLinks(0, 0)
    expect((await reserve())!.linksEpoch).toBe(1)
    await opened.sql.query('DELETE FROM "rekey"."recovery" WHERE "account_id" = $1', [id])
    expect((await reserve())!.linksEpoch).toBe(0)
  })
})

describe('the revocation of links', () => {
  test('links of one epoch are revoked once, whichever application wrote the account', async () => {
    for (const of of [id, await opened.addPastRekey()]) {
      const revoked: boolean[] = []
      for (const epoch of [0, 0, 1, 7]) revoked.push(await revokeLinks(epoch, 3600, of))
      expect(revoked).toEqual([true, false, true, false])
      expect((await opened.read(of)).linksEpoch).toBe(2)
    }
  })

  test('of twenty revocations at the same time, one succeeds', async () => {
    const revoked = await Promise.all(Array.from({ length: 20 }, () => revokeLinks()))
    expect(revoked.filter(Boolean)).toHaveLength(1)
    expect((await rowOf())!.epoch).toBe(1)
  })

  test('a revocation is undone with its transaction', async () => {
    const failing = opened.transaction(async (tx) => {
      await opened.recovery.revokeLinks(tx, id, 0, 3600)
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await rowOf()).toBeUndefined()
  })
})

test('what Rekey stored about a deleted account is purged eight days after its last change, and not before [L6]', async () => {
  await revokeLinks()
  await opened.remove(id)
  const setAge = (days: number, paused: string) =>
    opened.sql.query(
      `UPDATE "rekey"."recovery" SET "updated_at" = now() - make_interval(hours => $2 * 24 - 1), "emails_paused_until" = ${paused}
        WHERE "account_id" = $1`,
      [id, days],
    )
  for (const [days, paused] of [
    [8, 'NULL'],
    [9, `now() + interval '1 minute'`],
  ] as const) {
    await setAge(days, paused)
    await opened.recovery.purge()
    expect(await rowOf()).toBeDefined()
  }
  await setAge(9, `now() - interval '1 second'`)
  await opened.recovery.purge()
  expect(await rowOf()).toBeUndefined()
})
