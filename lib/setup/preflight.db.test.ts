import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEndingSessions } from '@/e2e/support/ending-sessions'
import { createTestDatabase, testServer, urlOfRole, type TestDatabase } from '@/e2e/support/test-database'
import { migrate } from './migrate'
import { checkDatabase, encryptionWarnings } from './preflight'
import { readSettings } from '@/lib/config/settings'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test('a warning says that a start may open more connections than the server accepts, with both numbers', async () => {
  await migrate(database)
  const check = (more: Record<string, string>) =>
    checkDatabase(
      readSettings({
        SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
        DATABASE_URL: database.url,
        REKEY_MODE: 'demo',
        ...more,
      }),
    )
  expect(await check({ WEB_CONCURRENCY: '2' })).toEqual([])
  expect(await check({ WEB_CONCURRENCY: '128', DATABASE_POOL_SIZE: '500' })).toEqual([
    expect.stringMatching(/^This start may open 64761 connections and the database accepts \d+: /),
  ])
})

test('a session that ends between two statements of the checks is an error and does not end the process [F15]', async () => {
  const ending = await startEndingSessions()
  const settings = readSettings({
    SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
    DATABASE_URL: ending.url,
    REKEY_MODE: 'demo',
  })
  expect(await ending.crashesDuring(() => checkDatabase(settings))).toEqual([])
  ending.close()
})

describe('the encryption of connections to the database [K5]', () => {
  const warningsOf = (url: string) => encryptionWarnings(`postgresql://${url}`).join('\n')

  test.each([
    'a:b@db.example.com/rekey',
    'a:b@db.example.com/rekey?sslmode=disable',
    'a:b@db.example.com/rekey?ssl=true&sslmode=disable',
    'a:b@db.example.com/rekey?ssl=0',
    'a:b@127.0.0.1/rekey?host=db.example.com',
    'a:b@127.example.com/rekey',
    'a:b@0.0.0.0/rekey',
  ])('a warning says that the connection to %s is without TLS', (url) => {
    expect(warningsOf(url)).toMatch(
      /^The database at \S+ is reached without TLS: .* Add sslmode=verify-full to its URL\.$/,
    )
    expect(warningsOf(url)).not.toContain('a:b')
  })

  test.each([
    'a:b@db.example.com/rekey?sslmode=no-verify',
    'a:b@db.example.com/rekey?ssl=no-verify',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=prefer',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=require',
  ])('a warning says that the certificate of %s is not checked', (url) => {
    expect(warningsOf(url)).toMatch(
      /^The database at db\.example\.com\/rekey is reached without a check of its certificate: /,
    )
  })

  test.each([
    'a:b@db.example.com/rekey?sslmode=verify-full',
    'a:b@db.example.com/rekey?sslmode=require',
    'a:b@db.example.com/rekey?ssl=true',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=verify-full',
    'a:b@localhost/rekey',
    'a:b@LOCALHOST/rekey',
    'a:b@127.0.0.1/rekey',
    'a:b@[::1]/rekey',
    'a:b@/rekey',
    'a:b@%2Fvar%2Frun%2Fpostgresql/rekey',
    'a:b@db.example.com/rekey?host=/var/run/postgresql',
  ])('no warning is given for the connection to %s', (url) => {
    expect(warningsOf(url)).toBe('')
  })
})

describe.runIf(testServer)('a start on an unsuitable database', () => {
  let sql: pg.Client
  beforeAll(async () => {
    await migrate(database)
    sql = new pg.Client({ connectionString: testServer })
    await sql.connect()
  })
  afterAll(() => sql.end())

  const check = (url: string) =>
    checkDatabase(
      readSettings({
        SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
        DATABASE_URL: url,
        WEB_CONCURRENCY: '1',
        REKEY_MODE: 'demo',
      }),
    )

  const withRole = async (settings: string, work: (role: string) => Promise<void>) => {
    const role = `rekey_checked_${randomBytes(5).toString('hex')}`
    await sql.query(`CREATE ROLE "${role}" LOGIN SUPERUSER`)
    if (settings !== '') await sql.query(`ALTER ROLE "${role}" SET ${settings}`)
    await work(role).finally(() => sql.query(`DROP ROLE "${role}"`))
  }

  test('a start on a read-only database is refused, and the message says so', () =>
    withRole('default_transaction_read_only = on', async (role) => {
      await expect(check(urlOfRole(database.url, role))).rejects.toThrow(/^The database is read-only: /)
    }))

  test('a start on a database without standard_conforming_strings is refused', () =>
    withRole('standard_conforming_strings = off', async (role) => {
      await expect(check(urlOfRole(database.url, role))).rejects.toThrow('standard_conforming_strings is off')
    }))

  test('a start and a migration are refused on a database whose encoding cannot store every name', async () => {
    const name = `rekey_test_${randomBytes(6).toString('hex')}`
    await sql.query(
      `CREATE DATABASE "${name}" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    )
    try {
      const url = new URL(testServer!)
      url.pathname = `/${name}`
      const refusal = "The database's encoding is LATIN1, which cannot store every name and address"
      await expect(check(url.href)).rejects.toThrow(refusal)
      await expect(migrate({ ...database, url: url.href })).rejects.toThrow(refusal)
    } finally {
      await sql.query(`DROP DATABASE "${name}" WITH (FORCE)`)
    }
  })

  test('a warning says that the database confirms a commit before it is safe [V10, F1]', () =>
    withRole('synchronous_commit = off', async (role) => {
      expect(await check(urlOfRole(database.url, role))).toEqual([
        expect.stringMatching(/^The database has synchronous_commit=off: /),
      ])
    }))

  test('a start is refused if the app’s role lacks privileges, and the message names them [K5]', async () => {
    const role = `rekey_checked_${randomBytes(5).toString('hex')}`
    const inside = new pg.Client({ connectionString: database.url })
    await inside.connect()
    await inside.query(`CREATE ROLE "${role}" LOGIN`)
    try {
      await expect(check(urlOfRole(database.url, role))).rejects.toThrow(
        'lacks privileges (USAGE on rekey, USAGE on rekey_queue',
      )
      await migrate(database, { appRole: role })
      expect(await check(urlOfRole(database.url, role))).toEqual([])
      await inside.query(
        `REVOKE INSERT ON rekey.audit FROM "${role}"; REVOKE UPDATE ON rekey_queue.job FROM "${role}"`,
      )
      await expect(check(urlOfRole(database.url, role))).rejects.toThrow(
        '(INSERT on rekey.audit, UPDATE on rekey_queue.job)',
      )
      await migrate(database, { appRole: role })
      await inside.query(`CREATE SEQUENCE rekey_queue.numbers; REVOKE EXECUTE ON FUNCTION rekey.purge_audit FROM "${role}";
        REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA rekey_queue FROM "${role}", PUBLIC`)
      await expect(check(urlOfRole(database.url, role))).rejects.toThrow(
        /\(EXECUTE on rekey\.purge_audit, EXECUTE on rekey_queue\.\w+, /,
      )
      await inside.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA rekey, rekey_queue TO "${role}"`)
      await expect(check(urlOfRole(database.url, role))).rejects.toThrow('(USAGE on rekey_queue.numbers)')
    } finally {
      await inside.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`)
      await inside.end()
    }
  })
})
