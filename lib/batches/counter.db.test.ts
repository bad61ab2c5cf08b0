import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  count,
  openCountedRequests,
  request,
  windowLength,
  type CountedRequests,
} from '@/e2e/support/counted-requests'
import { createCountingStatement, type CountingEntry } from './counting-statement'

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
    const statementOf = createCountingStatement(all.database.schemas)
    const [one, hundred] = [1, 100].map((size) =>
      statementOf(Array.from({ length: size }, () => request('a', 'ada'))),
    )
    expect(one!.text).toBe(hundred!.text)
    expect(one!.values).toHaveLength(hundred!.values!.length)
  })

  // The embedded database runs in this process and reads its clock.
  test.runIf(process.env.TEST_DATABASE_URL)(
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
