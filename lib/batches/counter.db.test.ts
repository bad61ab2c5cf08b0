import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  count,
  job,
  oneBatch,
  openCountedRequests,
  request,
  windowLength,
  type CountedRequests,
} from '@/e2e/support/counted-requests'
import { startDatabaseProxy } from '@/e2e/support/database-proxy'
import { limitSettings } from '@/e2e/support/opened-limits'
import { testServer } from '@/e2e/support/test-database'
import { createLimits } from '@/lib/rate-limits/limits'
import { createCountAndQueueStatement, type CountingEntry } from './counting-statement'

let all: CountedRequests
beforeAll(async () => void (all = await openCountedRequests()), 120_000)
beforeEach(() => all.clear())
afterAll(() => all.close())

describe('the counts of one batch', () => {
  test('of ten requests for one login in a batch, the first three are allowed and stored, and ten are counted [R14]', async () => {
    const counter = all.counter()
    const entries = Array.from({ length: 10 }, () => request('a', 'ada', { client: 100, login: 3 }))
    const counted = await Promise.all(entries.map((entry) => counter.count(entry)))
    expect(counted.map(({ by, consumed }) => `${by} ${consumed}`)).toEqual(
      Array.from({ length: 10 }, (_, at) => `own ${at + 1}`),
    )
    expect(await all.points()).toEqual({ 'client a': 10, 'login ada': 10 })
    expect(await all.jobIds()).toEqual(
      entries
        .slice(0, 3)
        .map((entry) => entry.job!.id)
        .sort(),
    )
  })

  test('the next batch continues the counts of the one before, also in another process [R14]', async () => {
    const [one, other] = [all.counter(), all.counter()]
    for (const counter of [one, other, one]) {
      const batch = ['ada', 'bob', 'ada'].map((login) => counter.count(request('a', login)))
      await Promise.all(batch)
    }
    expect(await all.points()).toEqual({ 'client a': 9, 'login ada': 4, 'login bob': 2 })
    expect(await all.jobIds()).toHaveLength(3 + 2)
  })

  test('a request that is beyond the limit of its client or /48 is not counted for the limits after those [R14]', async () => {
    const counter = all.counter()
    const entries = Array.from({ length: 12 }, (_, at): CountingEntry => {
      const client = at % 2 === 0 ? 'a' : 'b'
      return { ...request(client, `of ${client}`, { client: 5, login: 100 }), site: count('site', 8) }
    })
    const counted = await Promise.all(entries.map((entry) => counter.count(entry)))
    // Each client may send five of its six requests, and the /48 eight of those ten.
    const refused = counted.filter(({ by }) => by !== 'own').map(({ by, consumed }) => `${by} ${consumed}`)
    expect(refused).toEqual(['site 9', 'site 10', 'client 6', 'client 6'])
    expect(await all.points()).toEqual({
      'client a': 6,
      'client b': 6,
      site: 10,
      'login of a': 4,
      'login of b': 4,
    })
    expect(await all.jobIds()).toHaveLength(8)
  })

  test('an entry of zero points touches its row and counts nothing [R14]', async () => {
    const counter = all.counter()
    const entry = (points: 0 | 1): CountingEntry => ({ own: count('emails'), points })
    const counted = await Promise.all([1, 0, 1, 0].map((points) => counter.count(entry(points as 0 | 1))))
    expect(counted.map(({ consumed }) => consumed)).toEqual([1, 1, 2, 2])
    expect(await all.points()).toEqual({ emails: 2 })
  })

  test('the statement that counts a batch has the same text for every size of the batch [R14]', () => {
    const statementOf = createCountAndQueueStatement(all.database.schemas)
    const [one, hundred] = [1, 100].map((size) =>
      statementOf(Array.from({ length: size }, () => request('a', 'ada'))),
    )
    expect(one!.text).toBe(hundred!.text)
    expect(one!.values).toHaveLength(hundred!.values!.length)
  })

  // The embedded database runs in this process and reads its clock.
  test.runIf(testServer)(
    'windows end by the database’s clock, so that a process whose clock is ahead allows nothing more [R14]',
    async () => {
      const counter = all.counter()
      await Promise.all([1, 2, 3].map(() => counter.count(request('a', 'ada'))))
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 60_000 })
      try {
        const ahead = await all.counter().count(request('a', 'ada'))
        expect(ahead).toMatchObject({ by: 'own', consumed: 4 })
        expect(ahead.msBeforeNext).toBeGreaterThan(windowLength - 60_000)
        expect(ahead.msBeforeNext).toBeLessThanOrEqual(windowLength)
      } finally {
        vi.useRealTimers()
      }
      await all.pool.query('UPDATE "rekey"."limits" SET "expire" = "expire" - $1::bigint', [windowLength])
      expect(await counter.count(request('a', 'ada'))).toMatchObject({ by: 'own', consumed: 1 })
    },
  )
})

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

describe.runIf(testServer)('locks on a server', () => {
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
