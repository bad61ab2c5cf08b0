import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import type { LimitSettings } from '@/lib/rate-limits/limit-table'
import { createLimits, type Limits } from '@/lib/rate-limits/limits'
import { createMigratedDatabase, testServer } from './test-database'

export const limitSettings: LimitSettings = {
  requestsPerClient: { count: 6, seconds: 600 },
  requestsPerLogin: { count: 3, seconds: 600 },
  resetsPerClient: { count: 5, seconds: 600 },
  attemptsPerLink: { count: 2, seconds: 3600 },
  emails: { count: 3, seconds: 3600 },
  emailsPerMailbox: { count: 4, seconds: 3600 },
}

export const limitSecret = randomBytes(32).toString('base64url')

export type OpenedLimits = Awaited<ReturnType<typeof openLimits>>

async function openLimits() {
  const database = await createMigratedDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max: 4 })
  return {
    pool,
    limits: (settings: Partial<LimitSettings> = {}, secret = limitSecret): Limits =>
      createLimits({ pool, schemas: defaultSchemaNames }, secret, { ...limitSettings, ...settings }),
    clear: () => pool.query('DELETE FROM "rekey"."limits"'),
    async rows(): Promise<{ key: string; points: number; expire: string }[]> {
      return (await pool.query('SELECT * FROM "rekey"."limits" ORDER BY "key"')).rows
    },
    async advanceClock(seconds: number): Promise<void> {
      vi.setSystemTime(Date.now() + seconds * 1000)
      // The embedded database runs in this process and reads its clock.
      if (!testServer) return
      await pool.query('UPDATE "rekey"."limits" SET "expire" = "expire" - $1::bigint', [
        Math.round(seconds * 1000),
      ])
    },
    async close(): Promise<void> {
      await pool.end()
      await database.drop()
    },
  }
}

/** Registers hooks that open rate limits, and before each test fake `Date`, delete all counts and call `use`. */
export function openLimitsForTests(use: (opened: OpenedLimits) => void): void {
  let opened: OpenedLimits
  beforeAll(async () => void (opened = await openLimits()), 120_000)
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    use(opened)
    await opened.clear()
  })
  afterEach(() => vi.useRealTimers())
  afterAll(() => opened.close())
}

/** Returns which of the calls, one after the other, were allowed. */
export async function repeat(
  times: number,
  call: (nth: number) => Promise<{ ok: boolean }>,
): Promise<boolean[]> {
  const allowed: boolean[] = []
  for (let nth = 0; nth < times; nth += 1) allowed.push((await call(nth)).ok)
  return allowed
}

export const allButLast = (calls: number): boolean[] =>
  Array.from({ length: calls }, (_, nth) => nth < calls - 1)

/** Matches seconds of which some may have passed on the database's clock, which no test can stop. */
export const nearly = (seconds: number) =>
  expect.toSatisfy((actual: number) => actual <= seconds && actual > seconds - 50, `nearly ${seconds}`)
