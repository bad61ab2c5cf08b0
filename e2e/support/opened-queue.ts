import pg from 'pg'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { createQueries } from '@/lib/database/queries'
import { createQueue, type Queue } from '@/lib/queue/queue'
import { createMigratedDatabase } from './test-database'

export const queueOn = (pool: pg.Pool): Queue =>
  createQueue({ queries: createQueries((statement) => pool.query(statement)), schemas: defaultSchemaNames })

export type OpenedQueue = Awaited<ReturnType<typeof openQueue>>

export async function openQueue() {
  const database = await createMigratedDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  return {
    database,
    pool,
    queue: queueOn(pool),
    async close(): Promise<void> {
      await pool.end()
      await database.drop()
    },
  }
}
