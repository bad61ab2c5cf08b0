import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  count,
  job,
  oneBatch,
  openCountedRequests,
  request,
  type CountedRequests,
} from '@/e2e/support/counted-requests'
import { startDatabaseProxy } from '@/e2e/support/database-proxy'
import { createLimits } from '@/lib/rate-limits/limits'

let all: CountedRequests
beforeAll(async () => void (all = await openCountedRequests()), 120_000)
beforeEach(() => all.clear())
afterAll(() => all.close())

const limit = { count: 100, seconds: 60 }
const limitSettings = {
  requestsPerClient: limit,
  requestsPerLogin: limit,
  resetsPerClient: limit,
  attemptsPerLink: limit,
  emails: limit,
  emailsPerMailbox: limit,
}

describe('batches that cannot be stored', () => {
  test('a request that cannot be stored fails alone, and the others of its batch are counted once [R14]', async () => {
    const counter = all.counter()
    const entries = ['ada', 'bob', 'eve', 'kim'].map((login) => request('a', login))
    entries[2]!.job = job('\u0000')
    const twice = { ...request('a', 'tom'), job: entries[0]!.job }
    const settled = await Promise.allSettled([...entries, twice].map((entry) => counter.count(entry)))
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
    ])
    expect(
      settled.map((one) => (one.status === 'rejected' ? (one.reason as pg.DatabaseError).code : '')),
    ).toEqual(['', '', '22P05', '', '23505'])
    expect(await all.points()).toEqual({ 'client a': 3, 'login ada': 1, 'login bob': 1, 'login kim': 1 })
    expect(await all.jobIds()).toHaveLength(3)
  })

  test('if the commit of a batch is in doubt, all its requests fail and none is tried again [R14]', async () => {
    const proxy = await startDatabaseProxy(all.database)
    const through = new pg.Pool({ connectionString: proxy.database.url, max: 1 })
    through.on('error', () => undefined)
    try {
      const counter = all.counter(oneBatch, through)
      await counter.count(request('b', 'before'))
      const cut = proxy.cutAt(/login kim/, 'after')
      const entries = ['ada', 'bob', 'kim'].map((login) => request('a', login))
      const settled = await Promise.allSettled(entries.map((entry) => counter.count(entry)))
      await cut
      expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
      // It was committed; had it been tried again, the count would be higher.
      expect((await all.points())['client a']).toBe(3)
      expect(await all.jobIds()).toHaveLength(1 + 3)
      expect(await counter.count(request('a', 'after'))).toMatchObject({ consumed: 1 })
    } finally {
      await through.end()
      await proxy.close()
    }
  })

  test('no request of a batch gets its result before the commit [R14]', async () => {
    await all.pool.query(
      `CREATE FUNCTION "slow_commit"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$`,
    )
    await all.pool.query(
      `CREATE CONSTRAINT TRIGGER "slow_commit" AFTER INSERT ON "rekey"."limits"
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW."key" = 'client c0') EXECUTE FUNCTION "slow_commit"()`,
    )
    try {
      const entries = [0, 1].map((n) => request(`c${n}`, 'ada'))
      const counter = all.counter()
      const stored = entries.map(async (entry) => {
        await counter.count(entry)
        return all.jobIds()
      })
      const ids = entries.map((entry) => entry.job!.id).sort()
      expect(await Promise.all(stored)).toEqual([ids, ids])
    } finally {
      await all.pool.query('DROP TRIGGER "slow_commit" ON "rekey"."limits"')
      await all.pool.query('DROP FUNCTION "slow_commit"')
    }
  })
})

describe.runIf(process.env.TEST_DATABASE_URL)('locks on a server', () => {
  test('batches of four processes, releases and purges cause no deadlock, in whatever order [R14]', async () => {
    const deadlocks = async () => {
      const { rows } = await all.pool.query<{ n: string }>(
        'SELECT pg_stat_get_db_deadlocks(oid) AS n FROM pg_database WHERE datname = current_database()',
      )
      return Number(rows[0]!.n)
    }
    const before = await deadlocks()
    const keys = Array.from({ length: 30 }, (_, n) => n)
    const counters = [all.counter(), all.counter(), all.counter(), all.counter()]
    for (let round = 0; round < 20; round += 1) {
      const work = counters.flatMap((counter, nth) => {
        const order = nth % 2 === 0 ? keys : keys.toReversed()
        return order.map((n) => counter.count(request(`c${n}`, `l${30 - n}`, { client: 1e6, login: 1e6 })))
      })
      const counted = await Promise.all(work)
      expect(counted.every(({ by }) => by === 'own')).toBe(true)
    }
    expect(Object.values(await all.points())).toEqual(Array(60).fill(20 * 4))

    // Windows that end at once, so that a purge locks the same rows as the batches.
    const limits = createLimits(
      { pool: all.pool, schemas: all.database.schemas },
      'x'.repeat(43),
      limitSettings,
    )
    const ended = (key: string) => ({ ...count(key), milliseconds: 1 })
    for (let round = 0; round < 20; round += 1) {
      const work = counters.flatMap((counter, nth) => {
        const order = nth % 2 === 0 ? keys : keys.toReversed()
        return order.map((n) => counter.count({ client: ended(`c${n}`), own: ended(`l${n}`), points: 1 }))
      })
      await Promise.all([...work, limits.purge(), limits.purge(), limits.returnHash('a link')])
    }
    expect(await deadlocks()).toBe(before)
  })

  test('a batch that waits for a lock too long is ended by the server [R14]', async () => {
    await all.counter().count(request('a', 'ada'))
    const holder = await all.pool.connect()
    try {
      await holder.query('BEGIN')
      await holder.query('SELECT 1 FROM "rekey"."limits" FOR UPDATE')
      const counter = all.counter({ timeouts: { lock: 200, statement: 60_000 } })
      await expect(counter.count(request('a', 'ada'))).rejects.toMatchObject({ code: '55P03' })
      const brief = all.counter({ timeouts: { lock: 60_000, statement: 300 } })
      await expect(brief.count(request('a', 'ada'))).rejects.toMatchObject({ code: '57014' })
      const { rows } = await holder.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      expect(rows).toEqual([])
    } finally {
      await holder.query('ROLLBACK')
      holder.release()
    }
    const { rows } = await all.pool.query('SHOW lock_timeout')
    expect(rows).toEqual([{ lock_timeout: '0' }])
  })
})
