import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { defaultSchemaNames, type SchemaNames } from '@/lib/config/schema-names'
import { migrate } from '@/lib/setup/migrate'
import { startEmbeddedDatabase } from '@/scripts/embedded-database/embedded-database'

export type TestDatabase = {
  url: string
  schemas: SchemaNames
  kind: 'embedded' | 'server'
  /** Whether all clients share one session, for `REKEY_SHARED_SESSION`. */
  sharedSession: boolean
  drop(): Promise<void>
}

/** The URL of the server on which tests create their databases; without it, they use embedded databases. */
export const testServer = process.env.TEST_DATABASE_URL

/** The variable with the place of the templates: a directory, or a database of the server. */
export const templateVariable = 'REKEY_TEST_TEMPLATE'

export function createTestDatabase(): Promise<TestDatabase> {
  return testServer ? createOnServer(testServer) : createEmbedded('empty')
}

/** A new database after `npm run migrate`, with Rekey's own table of accounts. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  const template = process.env[templateVariable]
  if (template !== undefined)
    return testServer ? createOnServer(testServer, template) : createEmbedded('migrated')
  const database = await createTestDatabase()
  await migrate(database)
  return database
}

async function createOnServer(server: string, template = 'template1'): Promise<TestDatabase> {
  const name = `rekey_test_${randomBytes(6).toString('hex')}`
  await onServer(server, `CREATE DATABASE "${name}" TEMPLATE "${template}"`)
  return {
    url: databaseUrl(server, name),
    schemas: defaultSchemaNames,
    kind: 'server',
    sharedSession: false,
    drop: () => dropOnServer(server, name),
  }
}

/** A pool that has ended may still be closing connections. If the server terminated these, the tests' process would end. */
async function dropOnServer(server: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    const deadline = performance.now() + 1_000
    const connections = async () =>
      (await client.query('SELECT FROM pg_stat_activity WHERE "datname" = $1', [name])).rowCount
    while ((await connections()) !== 0 && performance.now() < deadline) await pause(10)
    await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
  } finally {
    await client.end()
  }
}

/** Copies a template; without one, it initialises a database. */
async function createEmbedded(from: 'empty' | 'migrated'): Promise<TestDatabase> {
  const template = process.env[templateVariable]
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-test-'))
  if (template !== undefined)
    cpSync(path.join(template, from, 'database'), path.join(dir, 'database'), { recursive: true })
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

export async function onServer(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

/** Returns the URL of a database for another role, which needs no password. */
export function urlOfRole(databaseUrl: string, role: string): string {
  const url = new URL(databaseUrl)
  url.username = role
  return url.href
}

export function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
