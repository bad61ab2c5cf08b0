import { readFileSync } from 'node:fs'
import pg from 'pg'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { migrate } from '@/lib/setup/migrate'

/** A database of a product, in which Rekey has only its own schemas. */
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

export async function createTables(sql: pg.Client, product: string, schema: string): Promise<void> {
  const tables = readFileSync(`e2e/peers/schemas/${product}.sql`, 'utf8')
  await sql.query({ text: `CREATE SCHEMA IF NOT EXISTS ${schema}; SET search_path TO ${schema}` })
  await sql.query({ text: `${tables}; SET search_path TO DEFAULT` })
}
