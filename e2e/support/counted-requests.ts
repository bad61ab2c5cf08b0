import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { batchBounds, createCounter } from '@/lib/batches/counter'
import type { CountingEntry } from '@/lib/batches/counting-statement'
import { createMigratedDatabase } from './test-database'

export type CountedRequests = Awaited<ReturnType<typeof openCountedRequests>>

/** Milliseconds. */
export const windowLength = 600_000

/** Options by which one batch has all requests of one turn of the event loop. */
export const oneBatch = { bounds: { ...batchBounds, underWay: 1, perClient: 100 } }

export async function openCountedRequests() {
  const database = await createMigratedDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max: 10 })
  return {
    database,
    pool,
    counter: (options: Parameters<typeof createCounter>[1] = oneBatch, of = pool) =>
      createCounter({ ...database, pool: of }, options),
    async clear(): Promise<void> {
      await pool.query('DELETE FROM "rekey"."limits"')
      await pool.query('DELETE FROM "rekey_queue"."job"')
    },
    async points(): Promise<Record<string, number>> {
      const { rows } = await pool.query<{ key: string; points: number }>(
        'SELECT "key", "points" FROM "rekey"."limits" ORDER BY 1',
      )
      return Object.fromEntries(rows.map((row) => [row.key, row.points]))
    },
    async jobIds(): Promise<string[]> {
      const { rows } = await pool.query<{ id: string }>('SELECT "id" FROM "rekey_queue"."job" ORDER BY "id"')
      return rows.map(({ id }) => id)
    },
    async close(): Promise<void> {
      await pool.end()
      await database.drop()
    },
  }
}

export const count = (key: string, most = 1_000_000) => ({ key, most, milliseconds: windowLength })

export const job = (login = 'ada') => ({
  id: randomUUID(),
  data: { target: { login }, client: '203.0.113.1', bypassPause: false, locale: 'en', requestId: 'r' },
})

export const request = (client: string, login: string, limits = { client: 6, login: 3 }): CountingEntry => ({
  client: count(`client ${client}`, limits.client),
  own: count(`login ${login}`, limits.login),
  points: 1,
  job: job(login),
})
