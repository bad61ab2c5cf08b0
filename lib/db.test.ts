import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/world/test-database'
import { checkDatabase, encryptionWarnings, openDatabase } from './db'
import { migrate } from './migrations'
import { readSettings } from './settings'

const log = pino({ level: 'silent' })

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe('whether the database answers', () => {
  test('F7: is asked once, however many want to know at a time', async () => {
    const opened = openDatabase(database.url, 10, log)
    let taken = 0
    opened.pool.on('acquire', () => (taken += 1))
    const asked = async () => (await Promise.all(Array.from({ length: 50 }, opened.isReady))).every(Boolean)
    expect([await asked(), taken]).toEqual([true, 1])
    expect([await asked(), taken]).toEqual([true, 2])
    await opened.close()
  })

  test('F7: no is no longer the answer once it does again', async () => {
    const opened = openDatabase('postgresql://nobody@127.0.0.1:1/nothing', 1, log)
    expect(await opened.isReady()).toBe(false)
    opened.pool.options.connectionString = database.url
    expect(await opened.isReady()).toBe(true)
    await opened.close()
  })
})

test('F1, F8: a connection whose transaction was left open serves nobody else, and takes the transaction with it', async () => {
  const opened = openDatabase(database.url, 1, log)
  const client = await opened.pool.connect()
  await client.query('BEGIN')
  await client.query('CREATE TABLE "left_open" ()')
  client.release()
  const { rows } = await opened.pool.query(`SELECT to_regclass('left_open') AS "table"`)
  expect(rows).toEqual([{ table: null }])
  await opened.close()
})

test('a start that may open more connections than the server takes is warned of, with both numbers', async () => {
  await migrate(database.url)
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
    expect.stringMatching(/^This start may open 64505 connections and the database takes \d+: /),
  ])
})

describe('K5: the way to a database on another machine', () => {
  const told = (url: string) => encryptionWarnings(`postgresql://${url}`).join('\n')

  test.each([
    'a:b@db.example.com/rekey',
    'a:b@db.example.com/rekey?sslmode=disable',
    'a:b@db.example.com/rekey?ssl=true&sslmode=disable',
    'a:b@db.example.com/rekey?ssl=0',
    'a:b@127.0.0.1/rekey?host=db.example.com',
    'a:b@127.example.com/rekey',
    'a:b@0.0.0.0/rekey',
  ])('is warned of without TLS: %s', (url) => {
    expect(told(url)).toMatch(
      /^The database at \S+ is reached without TLS: .* Add sslmode=verify-full to its URL\.$/,
    )
    expect(told(url)).not.toContain('a:b')
  })

  test.each([
    'a:b@db.example.com/rekey?sslmode=no-verify',
    'a:b@db.example.com/rekey?ssl=no-verify',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=prefer',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=require',
  ])('is warned of without a certificate that is checked: %s', (url) => {
    expect(told(url)).toMatch(
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
  ])('is not warned of: %s', (url) => {
    expect(told(url)).toBe('')
  })
})
