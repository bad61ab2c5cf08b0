import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/world/test-database'
import { checkDatabase, isExposed, openDatabase } from './db'
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

test.each([
  ['postgresql://u@db.example.com/x', true],
  ['postgresql://u@127.example.com/x', true],
  ['postgresql://u@192.0.2.1:5432/x?sslmode=disable', true],
  ['postgresql://u@db.example.com/x?sslmode=no-verify', true],
  ['postgresql://u@db.example.com/x?sslmode=require&uselibpqcompat=true', true],
  ['postgresql://u@db.example.com/x?sslmode=verify-full', false],
  ['postgresql://u@db.example.com/x?ssl=true', false],
  ['postgresql://u@localhost/x', false],
  ['postgresql://u@127.0.0.1/x', false],
  ['postgresql://u@[::1]/x', false],
  ['postgresql://u@/x?host=/var/run/postgresql', false],
])('H11, K5: whether %s can be read on its way: %s', (connectionString, exposed) => {
  expect(isExposed(new pg.Client({ connectionString }))).toBe(exposed)
})

test.runIf(testServer?.includes('127.0.0.1'))(
  'H11: a start whose words to the database can be read on their way is warned of it',
  async () => {
    await migrate(database.url)
    // The same address, spelled as no list of this machine's names has it.
    const url = database.url.replace('127.0.0.1', '127.1')
    const settings = readSettings({
      SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
      DATABASE_URL: url,
      REKEY_MODE: 'demo',
      WEB_CONCURRENCY: '2',
    })
    expect(await checkDatabase(settings)).toEqual([
      expect.stringMatching(
        /^The connection to 127\.1:\d+\/\w+ can be read and altered .*sslmode=verify-full/,
      ),
    ])
  },
)

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
