import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEndingSessions } from '@/e2e/support/ending-sessions'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase } from './pool'
import { defaultSchemaNames } from '@/lib/config/schema-names'

const log = pino({ level: 'silent' })

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe('whether the database answers', () => {
  test('is asked once, however many want to know at a time [F7]', async () => {
    const opened = openDatabase({ ...database, poolSize: 10 }, log)
    let taken = 0
    opened.pool.on('acquire', () => (taken += 1))
    const asked = async () => (await Promise.all(Array.from({ length: 50 }, opened.isReady))).every(Boolean)
    expect([await asked(), taken]).toEqual([true, 1])
    expect([await asked(), taken]).toEqual([true, 2])
    await opened.close()
  })

  test('no is no longer the answer once it does again [F7]', async () => {
    const opened = openDatabase(
      { url: 'postgresql://nobody@127.0.0.1:1/nothing', schemas: defaultSchemaNames, poolSize: 1 },
      log,
    )
    expect(await opened.isReady()).toBe(false)
    opened.pool.options.connectionString = database.url
    expect(await opened.isReady()).toBe(true)
    await opened.close()
  })
})

test('a connection whose transaction was left open serves nobody else, and takes the transaction with it [F1, F8]', async () => {
  const opened = openDatabase({ ...database, poolSize: 1 }, log)
  const client = await opened.pool.connect()
  await client.query('BEGIN')
  await client.query('CREATE TABLE "left_open" ()')
  client.release()
  const { rows } = await opened.pool.query(`SELECT to_regclass('left_open') AS "table"`)
  expect(rows).toEqual([{ table: null }])
  await opened.close()
})

test('a session that is ended while it is between two statements ends no process [F7]', async () => {
  const ending = await startEndingSessions()
  const opened = openDatabase({ url: ending.url, schemas: defaultSchemaNames, poolSize: 1 }, log)
  expect(await ending.crashesDuring(() => opened.isReady())).toEqual([])
  await opened.close()
  ending.close()
})
