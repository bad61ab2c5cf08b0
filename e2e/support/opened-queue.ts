import pg from 'pg'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { createQueries } from '@/lib/database/queries'
import { createQueue, type Queue } from '@/lib/queue/queue'
import { createMigratedDatabase } from './test-database'

/** The producer of jobs on a pool, as a process of the default schemas has it. */
export const queueOn = (pool: pg.Pool): Queue =>
  createQueue({ queries: createQueries((statement) => pool.query(statement)), schemas: defaultSchemaNames })

export type OpenedQueue = Awaited<ReturnType<typeof openQueue>>

/** The producer of jobs, on a migrated database of its own. */
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
