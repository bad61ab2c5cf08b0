import pg from 'pg'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { migrate } from '@/lib/setup/migrate'

/** A database of its own for a product, beside whose tables Rekey has only its own schemas. */
export type PeerDatabase = { database: TestDatabase; sql: pg.Client; close(): Promise<void> }

export async function createPeerDatabase(): Promise<PeerDatabase> {
  const database = await createTestDatabase()
  await migrate(database, { ownsUsers: false })
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  return {
    database,
    sql,
    async close() {
      await sql.end()
      await database.drop()
    },
  }
}
