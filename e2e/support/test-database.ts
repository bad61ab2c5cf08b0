import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { defaultSchemaNames, type SchemaNames } from '@/lib/config/schema-names'
import { startEmbeddedDatabase } from '@/scripts/embedded-database/embedded-database'

export type TestDatabase = {
  url: string
  schemas: SchemaNames
  kind: 'embedded' | 'server'
  /** For `REKEY_SHARED_SESSION`: all clients share one session. */
  sharedSession: boolean
  drop(): Promise<void>
}

/** The server that tests make their databases on; the embedded one where there is none. */
export const testServer = process.env.TEST_DATABASE_URL

/** A new, empty database. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return testServer ? createOnServer(testServer) : createEmbedded()
}

async function createOnServer(server: string): Promise<TestDatabase> {
  const name = `rekey_test_${randomBytes(6).toString('hex')}`
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await run(`CREATE DATABASE "${name}"`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    schemas: defaultSchemaNames,
    kind: 'server',
    sharedSession: false,
    drop: () => run(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
  }
}

async function createEmbedded(): Promise<TestDatabase> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-test-'))
  const { url, close } = await startEmbeddedDatabase(dir)
  return {
    url,
    schemas: defaultSchemaNames,
    kind: 'embedded',
    sharedSession: true,
    async drop() {
      await close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
