import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { reportErrorsInGerman } from '@/e2e/support/german-errors'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { isBadValueError } from './errors'
import { openDatabase, type Database, type Transaction } from './pool'

const log = pino({ level: 'silent' })

let database: TestDatabase
let opened: Database
beforeAll(async () => {
  database = await createTestDatabase()
  opened = openDatabase({ ...database, poolSize: 1 }, log)
  reportErrorsInGerman(opened.pool)
  await opened.pool.query('CREATE TABLE "written" ("n" bigint PRIMARY KEY)')
})
beforeEach(async () => void (await opened.pool.query('DELETE FROM "written"')))
afterAll(async () => {
  await opened.close()
  await database.drop()
})

const add = (tx: Transaction, n: bigint) => tx.$executeRaw`INSERT INTO "written" VALUES (${n}::bigint)`
const written = async () =>
  (await opened.queries.$queryRaw<{ n: bigint }[]>`SELECT "n" FROM "written" ORDER BY 1`).map(({ n }) => n)

test.each([
  ['of pg', (work: (tx: Transaction) => Promise<void>) => opened.transaction(work)],
  ['of Prisma', (work: (tx: Transaction) => Promise<void>) => opened.prismaTransaction(work)],
])(
  'a transaction %s runs at READ COMMITTED and is rolled back if its work fails [V10, F8]',
  async (_, run) => {
    await opened.pool.query(`SET default_transaction_isolation = 'serializable'`)
    const levels: unknown[] = []
    await run(async (tx) => {
      levels.push(await tx.$queryRaw`SELECT current_setting('transaction_isolation') AS "level"`)
      expect(await add(tx, 2n ** 60n)).toBe(1)
    })
    await opened.pool.query('RESET default_transaction_isolation')
    expect(levels).toEqual([[{ level: 'read committed' }]])
    const fails = run(async (tx) => {
      await add(tx, 1n)
      throw new Error('the work failed')
    })
    await expect(fails).rejects.toThrow('the work failed')
    expect([await written(), opened.pool.totalCount]).toEqual([[2n ** 60n], 1])
  },
)

test('a transaction that PostgreSQL refuses keeps its connection, whatever language messages have [F8]', async () => {
  const pid = async () => (await opened.pool.query('SELECT pg_backend_pid() AS "pid"')).rows
  const before = await pid()
  const failure: unknown = await opened
    .transaction(async (tx) => void (await add(tx, 1n), await add(tx, 1n)))
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: '23505', severity: 'FEHLER' })
  expect(isBadValueError(failure)).toBe(true)
  expect([await written(), await pid()]).toEqual([[], before])
})

test('a transaction whose work ignored an error of the database is reported as rolled back [F8]', async () => {
  const done = opened.transaction(async (tx) => {
    await add(tx, 1n)
    await add(tx, 1n).catch(() => undefined)
  })
  await expect(done).rejects.toThrow('rolled back')
  expect(await written()).toEqual([])
})

test.runIf(testServer)('the pool replaces a connection that ends within a transaction [F7]', async () => {
  const done = opened.transaction((tx) => tx.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`)
  await expect(done).rejects.toThrow()
  expect(await opened.isReady()).toBe(true)
})
