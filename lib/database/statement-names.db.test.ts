import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase, type Database } from './pool'

const log = pino({ level: 'silent' })

let database: TestDatabase
let opened: Database
beforeAll(async () => void (database = await createTestDatabase()))
beforeEach(() => void (opened = openDatabase({ ...database, poolSize: 1 }, log)))
afterEach(() => opened.close())
afterAll(() => database.drop())

const double = async (n: number, { prisma } = opened) =>
  (await prisma.$queryRaw<{ n: number }[]>`SELECT 2 * ${n}::int AS "n"`)[0]!.n
const named = async ({ pool } = opened) =>
  (await pool.query<{ statement: string }>('SELECT "statement" FROM pg_prepared_statements')).rows.map(
    ({ statement }) => statement,
  )

test.runIf(!testServer)('where all clients share one session no statement has a name [R14]', async () => {
  for (const n of [1, 2]) expect(await double(n)).toBe(2 * n)
  expect(await named()).toEqual([])
})

describe.runIf(testServer)('on a server', () => {
  test('statements with parameters have a name, each text one, of Prisma and of pg [R14]', async () => {
    for (const n of [1, 2, 3]) {
      expect(await double(n)).toBe(2 * n)
      const { rows } = await opened.pool.query('SELECT $1::int AS "n"', [n])
      expect(rows).toEqual([{ n }])
      await opened.pool.query({ text: 'SELECT $1::text AS "t"', values: ['t'] })
    }
    await opened.pool.query('SELECT 1; SELECT 2')
    expect((await named()).toSorted()).toEqual([
      'SELECT $1::int AS "n"',
      'SELECT $1::text AS "t"',
      'SELECT 2 * $1::int AS "n"',
    ])
  })

  test('a session that has forgotten the names costs nobody a failure [R14]', async () => {
    await double(1)
    await opened.pool.query('DEALLOCATE ALL')
    expect(await double(2)).toBe(4)
    // From now on without names, so that a pooler that behaves so costs one failure only.
    expect(await named()).toEqual([])
  })

  test('a transaction in such a session runs again as a whole [R14]', async () => {
    await opened.pool.query('CREATE TABLE "runs" ("n" int)')
    const add = (n: number) =>
      opened.transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO "runs" VALUES (${n}::int)`
        await tx.$executeRaw`UPDATE "runs" SET "n" = ${n}::int WHERE "n" = ${n}::int`
      })
    await add(1)
    await opened.pool.query('DEALLOCATE ALL')
    await add(2)
    const { rows } = await opened.pool.query('TABLE "runs"')
    expect(rows).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('a column whose type was changed meanwhile costs nobody a failure [R14]', async () => {
    await opened.pool.query('CREATE TABLE "narrow" ("t" varchar(5)); INSERT INTO "narrow" VALUES (\'short\')')
    const read = () => opened.pool.query('SELECT "t" FROM "narrow" WHERE "t" = $1', ['short'])
    await read()
    await opened.pool.query('ALTER TABLE "narrow" ALTER "t" TYPE varchar(50)')
    expect((await read()).rows).toEqual([{ t: 'short' }])
  })

  test.runIf(pgbouncer)(
    'through PgBouncer in transaction mode no statement has a name, and fifty at once are right [R14, V1]',
    async () => {
      const pooler = await startPgBouncer(testServer!)
      const url = pooler.url(new URL(database.url).pathname.slice(1))
      const through = openDatabase({ ...database, url, poolSize: 10 }, log)
      try {
        const numbers = Array.from({ length: 50 }, (_, n) => n)
        expect(await Promise.all(numbers.map((n) => double(n, through)))).toEqual(numbers.map((n) => 2 * n))
        expect((await Promise.all(numbers.map(() => named(through)))).flat()).toEqual([])
      } finally {
        await through.close()
        await pooler.stop()
      }
    },
  )
})
