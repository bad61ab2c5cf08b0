import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startDatabaseProxy } from '@/e2e/support/database-proxy'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { createEmailReservations, type ReservationTerms } from './email-reservations'

let database: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  database = await createMigratedDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 10 })
}, 120_000)
beforeEach(() => pool.query('DELETE FROM "rekey"."recovery"'))
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const terms: ReservationTerms = {
  limits: { cooldown: 0, perAccount: { count: 2, seconds: 3600 } },
  bypass: false,
  keepFor: 3600,
}
const inAnHour = () => new Date(Date.now() + 3_600_000)
const reservations = (of = pool) => createEmailReservations({ ...database, pool: of }, '')

async function jobsOf(accountId: string): Promise<string[]> {
  const { rows } = await pool.query<{ jobs: string[] }>(
    'SELECT "email_jobs"::text[] AS "jobs" FROM "rekey"."recovery" WHERE "users_table" = $1 AND "account_id" = $2',
    ['', accountId],
  )
  return rows[0]?.jobs ?? []
}

function countingPool() {
  let transactions = 0
  const counting = Object.create(pool) as pg.Pool
  counting.connect = (() => {
    transactions += 1
    return pool.connect()
  }) as typeof counting.connect
  return { counting, transactions: () => transactions }
}

test('those of different accounts, and simulated ones, are one transaction; each has its own result [R2, A8]', async () => {
  const { reserveEmail } = reservations()
  const full = randomUUID()
  for (let i = 0; i < 2; i += 1) await reserveEmail(full, randomUUID(), inAnHour(), terms)
  const ids = Array.from({ length: 20 }, () => randomUUID())
  const { counting, transactions } = countingPool()
  const together = reservations(counting)
  const all = [...ids, full].map((id) => together.reserveEmail(id, randomUUID(), inAnHour(), terms))
  const simulated = together.simulateReservation(terms)
  const reserved = await Promise.all(all)
  await simulated
  expect(transactions()).toBe(1)
  expect(reserved).toEqual([...ids.map(() => ({ first: true, linksEpoch: 0 })), null])
  for (const id of ids) expect(await jobsOf(id)).toHaveLength(1)
})

test('of ten jobs for one account as many get one as the limit says, the first of them first [R2]', async () => {
  const { reserveEmail } = reservations()
  const [busy, other] = [randomUUID(), randomUUID()]
  const all = Array.from({ length: 10 }, () => reserveEmail(busy, randomUUID(), inAnHour(), terms))
  all.push(reserveEmail(other, randomUUID(), inAnHour(), terms))
  const reserved = await Promise.all(all)
  expect(reserved.filter((one) => one !== null)).toHaveLength(3)
  expect(reserved.filter((one) => one?.first)).toHaveLength(2)
  expect(await jobsOf(busy)).toHaveLength(2)
})

test('one that cannot be stored fails alone [R2]', async () => {
  const { reserveEmail } = reservations()
  const ids = Array.from({ length: 3 }, () => randomUUID())
  const settled = await Promise.allSettled(
    ids.map((id, nth) => reserveEmail(id, nth === 1 ? 'no uuid' : randomUUID(), inAnHour(), terms)),
  )
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await Promise.all(ids.map(async (id) => (await jobsOf(id)).length))).toEqual([1, 0, 1])
})

test('a commit in doubt is no reservation to any of its batch; the next attempt of each has the one that was stored [F3, R2]', async () => {
  const proxy = await startDatabaseProxy(database)
  const through = new pg.Pool({ connectionString: proxy.database.url, max: 1 })
  through.on('error', () => undefined)
  try {
    const { reserveEmail } = reservations(through)
    await reserveEmail(randomUUID(), randomUUID(), inAnHour(), terms)
    const jobs = Array.from({ length: 3 }, () => ({ id: randomUUID(), jobId: randomUUID() }))
    const reserveAll = () =>
      Promise.allSettled(jobs.map(({ id, jobId }) => reserveEmail(id, jobId, inAnHour(), terms)))
    const cut = proxy.cutAt(new RegExp(jobs[2]!.id), 'after')
    const settled = await reserveAll()
    await cut
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    for (const { status } of await reserveAll()) expect(status).toBe('fulfilled')
    for (const { id, jobId } of jobs) expect(await jobsOf(id)).toEqual([jobId])
  } finally {
    await through.end()
    await proxy.close()
  }
})

test('a simulated one is written however often its row was, and keeps one job [A8]', async () => {
  const { simulateReservation } = reservations()
  for (let round = 0; round < 5; round += 1)
    await Promise.all(Array.from({ length: 1000 }, () => simulateReservation(terms)))
  const { rows } = await pool.query<{ most: number; fresh: boolean }>(
    `SELECT max(cardinality("email_jobs")) AS "most", bool_and("updated_at" > now() - interval '1 minute') AS "fresh"
       FROM "rekey"."recovery" WHERE "users_table" = 'simulation'`,
  )
  expect(rows).toEqual([{ most: 1, fresh: true }])
})

describe.runIf(testServer)('on a server', () => {
  test('batches of several processes in any order never wait in a circle [R2]', async () => {
    const deadlocks = async () => {
      const { rows } = await pool.query<{ n: string }>(
        'SELECT pg_stat_get_db_deadlocks(oid) AS n FROM pg_database WHERE datname = current_database()',
      )
      return Number(rows[0]!.n)
    }
    const before = await deadlocks()
    const ids = Array.from({ length: 40 }, () => randomUUID())
    const processes = [reservations(), reservations(), reservations(), reservations()]
    const many = { ...terms, limits: { cooldown: 0, perAccount: { count: 1000, seconds: 3600 } } }
    for (let round = 0; round < 20; round += 1)
      await Promise.all(
        processes.flatMap(({ reserveEmail }, nth) =>
          (nth % 2 === 0 ? ids : ids.toReversed()).map((id) =>
            reserveEmail(id, randomUUID(), inAnHour(), many),
          ),
        ),
      )
    expect(await deadlocks()).toBe(before)
    for (const id of ids) expect(await jobsOf(id)).toHaveLength(80)
  })

  test('a row that somebody keeps locked fails its batch by the server’s clock, and keeps no other row locked [R2]', async () => {
    const { reserveEmail } = reservations()
    const [locked, free] = [randomUUID(), randomUUID()].toSorted().toReversed() as [string, string]
    await reserveEmail(locked, randomUUID(), inAnHour(), terms)
    const holder = await pool.connect()
    try {
      await holder.query('BEGIN')
      await holder.query('SELECT 1 FROM "rekey"."recovery" WHERE "account_id" = $1 FOR UPDATE', [locked])
      const both = [free, locked].map((id) => reserveEmail(id, randomUUID(), inAnHour(), terms))
      const settled = await Promise.allSettled(both)
      expect(settled).toMatchObject([
        { status: 'rejected', reason: { code: '55P03' } },
        { status: 'rejected', reason: { code: '55P03' } },
      ])
      expect(await reserveEmail(free, randomUUID(), inAnHour(), terms)).toMatchObject({ first: true })
    } finally {
      await holder.query('ROLLBACK')
      holder.release()
    }
  }, 30_000)
})
