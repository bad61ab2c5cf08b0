import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { createOwnAccounts, type OwnAccounts } from '@/lib/accounts/adapters/own-table'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createRecoveryStore, type AccountEmailLimits, type RecoveryStore } from './recovery-store'

let database: TestDatabase
let opened: Database
let accounts: OwnAccounts
let recovery: RecoveryStore
let sql: pg.Client
beforeAll(async () => {
  database = await createMigratedDatabase()
  opened = openDatabase({ ...database, poolSize: 8 }, pino({ level: 'silent' }))
  accounts = createOwnAccounts(opened)
  recovery = createRecoveryStore(opened, '')
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
}, 120_000)
afterAll(async () => {
  await sql.end()
  await opened.close()
  await database.drop()
})

/** An account that another application wrote: Rekey has no row beside it yet. */
async function stranger(): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    `INSERT INTO "rekey"."users" ("id", "username", "email", "password") VALUES (gen_random_uuid(), $1, $1 || '@example.com', 'a hash')
     RETURNING "id"`,
    [`user-${randomBytes(6).toString('hex')}`],
  )
  return rows[0]!.id
}

let id: string
beforeEach(async () => {
  const username = `user-${randomBytes(6).toString('hex')}`
  const email = `${username}@example.com`
  const names = { firstName: '', lastName: '' }
  id = await accounts.add({ username, email, ...names, passwordHash: 'a hash', isActive: true, locale: null })
})

const read = async (of = id) => (await accounts.read(of)).account!
const remove = (of = id) => sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [of])

type Recovery = { epoch: number; paused: Date | null; jobs: string[]; times: Date[] }
async function rowOf(of = id): Promise<Recovery | undefined> {
  const { rows } = await sql.query<Recovery>(
    `SELECT "links_epoch" AS "epoch", "emails_paused_until" AS "paused", "email_jobs"::text[] AS "jobs", "email_times" AS "times"
       FROM "rekey"."recovery" WHERE "account_id" = $1`,
    [of],
  )
  return rows[0]
}

describe('email slots', () => {
  const slots: AccountEmailLimits = { cooldown: 0, perAccount: { count: 3, seconds: 3600 } }
  const calm: AccountEmailLimits = { ...slots, cooldown: 60 }
  const slot = (
    job: string = randomUUID(),
    how: { slots?: AccountEmailLimits; exempt?: boolean; of?: string; age?: number } = {},
  ) =>
    recovery.reserveEmail(how.of ?? id, job, how.slots ?? slots, {
      bypass: how.exempt ?? false,
      keepFor: 3600,
      linkEnds: new Date(Date.now() + (3600 - (how.age ?? 0)) * 1000),
    })
  const claim = async (...asked: Parameters<typeof slot>) => (await slot(...asked)) !== null

  /** Lets time pass for the account's emails and its pause. */
  const pass = (seconds: number) =>
    sql.query(
      `UPDATE "rekey"."recovery" SET "emails_paused_until" = "emails_paused_until" - make_interval(secs => $2),
         "email_times" = ARRAY(SELECT t - make_interval(secs => $2) FROM unnest("email_times") AS t)
       WHERE "account_id" = $1`,
      [id, seconds],
    )
  const pause = () => opened.transaction((tx) => recovery.revokeLinks(tx, id, 0, 3600))

  test('an account has as many as the limit says, then none until the oldest is past the window [R2]', async () => {
    expect([await claim(), await claim()]).toEqual([true, true])
    await pass(1800)
    expect([await claim(), await claim()]).toEqual([true, false])
    await pass(1801)
    expect([await claim(), await claim(), await claim()]).toEqual([true, true, false])
  })

  test('of fifty jobs at once no more get one than there are, whichever process wrote the account [R2]', async () => {
    for (const of of [id, await stranger()]) {
      const claims = await Promise.all(Array.from({ length: 50 }, () => claim(randomUUID(), { of })))
      expect(claims.filter(Boolean)).toHaveLength(3)
      expect((await rowOf(of))!.jobs).toHaveLength(3)
    }
  })

  test('a retry of a job that holds one passes, however many others asked since; it takes no second [R2]', async () => {
    const job = randomUUID()
    expect([await claim(job), await claim(), await claim(), await claim()]).toEqual([true, true, true, false])
    expect([await claim(job), await claim(job)]).toEqual([true, true])
    expect((await rowOf())!.jobs).toHaveLength(3)
    await pass(3599)
    expect(await claim(job, { slots: calm })).toBe(true)
  })

  test('the first of a window is told from those after it, in a retry and in a parallel job too [R3]', async () => {
    for (const of of [id, await stranger()]) {
      const claims = await Promise.all(Array.from({ length: 3 }, () => slot(randomUUID(), { of })))
      expect(claims.map((claimed) => claimed?.first).sort()).toEqual([false, false, true])
    }
    const { jobs } = (await rowOf())!
    const first = async (job?: string) => (await slot(job))?.first
    expect([await first(jobs[0]), await first(jobs[1]), await first(jobs[2])]).toEqual([false, false, true])
    await pass(3601)
    expect([await first(), await first()]).toEqual([true, false])
  })

  test('within the cool-down there is no second one, after it there is [T6]', async () => {
    expect(await claim(undefined, { slots: calm })).toBe(true)
    await pass(58)
    expect(await claim(undefined, { slots: calm })).toBe(false)
    await pass(3)
    expect(await claim(undefined, { slots: calm })).toBe(true)
  })

  test('without a cool-down those who ask at the same moment do not hold each other back [T6]', async () => {
    const many: AccountEmailLimits = { cooldown: 0, perAccount: { count: 100, seconds: 3600 } }
    const claims = await Promise.all(Array.from({ length: 60 }, () => claim(randomUUID(), { slots: many })))
    expect(claims.filter(Boolean)).toHaveLength(60)
  })

  test('without a cool-down a slot ends with its link, so that emails that were late hold back none [F4, R3]', async () => {
    const late = { age: 3000 }
    const claims = [await claim(undefined, late), await claim(undefined, late), await claim(undefined, late)]
    expect([...claims, await claim()]).toEqual([true, true, true, false])
    await pass(590)
    expect(await claim()).toBe(false)
    await pass(12)
    expect([await claim(), await claim(), await claim(), await claim()]).toEqual([true, true, true, false])
  })

  test('late emails count in a window that is shorter than a link lives, too [R2]', async () => {
    const short: AccountEmailLimits = { cooldown: 0, perAccount: { count: 1, seconds: 600 } }
    const late = { slots: short, age: 2000 }
    expect([await claim(undefined, late), await claim(undefined, late)]).toEqual([true, false])
    await pass(590)
    expect(await claim(undefined, late)).toBe(false)
    await pass(12)
    expect(await claim(undefined, late)).toBe(true)
  })

  test('a cool-down begins when the email leaves, however late it is [T6]', async () => {
    expect(await claim(undefined, { slots: calm, age: 3000 })).toBe(true)
    expect(await claim(undefined, { slots: calm })).toBe(false)
  })

  test('what is remembered stays in step, and goes when it counts no more', async () => {
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 4; i += 1) await claim()
      const { jobs, times } = (await rowOf())!
      expect([jobs.length, times.length]).toEqual([3, 3])
      await pass(3601)
    }
  })

  test('one that is given back is free again, and no other is [R2]', async () => {
    const [first, second] = [randomUUID(), randomUUID()]
    await claim(first)
    await pass(100)
    await claim(second)
    const times = (await rowOf())!.times
    await recovery.releaseEmail(id, first)
    await recovery.releaseEmail(id, first)
    await recovery.releaseEmail(id, randomUUID())
    expect(await rowOf()).toMatchObject({ jobs: [second], times: [times[0]] })
    expect([await claim(), await claim(), await claim()]).toEqual([true, true, false])
  })

  test('"this wasn’t me" pauses them, and a pause ends', async () => {
    await pause()
    expect(await claim()).toBe(false)
    await pass(3590)
    expect(await claim()).toBe(false)
    await pass(20)
    expect(await claim()).toBe(true)
  })

  test('the pause holds back an email, too, whose job had its slot before: its link would be signed anew [T5]', async () => {
    const job = randomUUID()
    expect(await claim(job)).toBe(true)
    await pause()
    expect(await claim(job)).toBe(false)
  })

  test('the email that "this wasn’t me" itself starts goes, whatever was sent before it', async () => {
    for (let i = 0; i < 3; i += 1) await claim()
    await pause()
    const job = randomUUID()
    expect(await claim(job, { slots: calm, exempt: true })).toBe(true)
    expect(await claim(job, { slots: calm, exempt: true })).toBe(true)
    expect(await claim()).toBe(false)
  })

  test('the epoch that its link must be signed with comes with it, also where the row was purged since the account was read', async () => {
    await opened.transaction((tx) => recovery.revokeLinks(tx, id, 0, 0))
    expect((await slot())!.linksEpoch).toBe(1)
    await sql.query('DELETE FROM "rekey"."recovery" WHERE "account_id" = $1', [id])
    expect((await slot())!.linksEpoch).toBe(0)
  })
})

describe('killing links', () => {
  const kill = (epoch: number, of = id) =>
    opened.transaction((tx) => recovery.revokeLinks(tx, of, epoch, 3600))

  test('raises the epoch of an account once for each signed one, whichever process wrote it', async () => {
    for (const of of [id, await stranger()]) {
      expect([await kill(0, of), await kill(0, of), await kill(1, of), await kill(7, of)]).toEqual([
        true,
        false,
        true,
        false,
      ])
      expect((await read(of)).linksEpoch).toBe(2)
    }
  })

  test('of twenty at once one counts', async () => {
    const killed = await Promise.all(Array.from({ length: 20 }, () => kill(0)))
    expect(killed.filter(Boolean)).toHaveLength(1)
    expect((await rowOf())!.epoch).toBe(1)
  })

  test('is undone with its transaction', async () => {
    const failing = opened.transaction(async (tx) => {
      await recovery.revokeLinks(tx, id, 0, 3600)
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await rowOf()).toBeUndefined()
  })
})

test('what Rekey kept about one is purged after eight days without a change, and not before [L6]', async () => {
  await opened.transaction((tx) => recovery.revokeLinks(tx, id, 0, 3600))
  await remove()
  const aged = (days: number, paused: string) =>
    sql.query(
      `UPDATE "rekey"."recovery" SET "updated_at" = now() - make_interval(hours => $2 * 24 - 1), "emails_paused_until" = ${paused}
        WHERE "account_id" = $1`,
      [id, days],
    )
  for (const [days, paused] of [
    [8, 'NULL'],
    [9, `now() + interval '1 minute'`],
  ] as const) {
    await aged(days, paused)
    await recovery.purge()
    expect(await rowOf()).toBeDefined()
  }
  await aged(9, `now() - interval '1 second'`)
  await recovery.purge()
  expect(await rowOf()).toBeUndefined()
})
