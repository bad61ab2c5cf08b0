import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEndingSessions } from '@/e2e/support/ending-sessions'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase, type Database } from './pool'
import { defaultSchemaNames } from '@/lib/config/schema-names'

const log = pino({ level: 'silent' })

let database: TestDatabase
beforeAll(async () => void (database = await createTestDatabase()))
afterAll(() => database.drop())

describe('the pool of connections', () => {
  test('fifty health checks at the same time query the database once [F7]', async () => {
    const opened = openDatabase({ ...database, poolSize: 10 }, log)
    let queries = 0
    opened.pool.on('acquire', () => (queries += 1))
    const checkFiftyTimes = async () =>
      (await Promise.all(Array.from({ length: 50 }, opened.isReady))).every(Boolean)
    expect([await checkFiftyTimes(), queries]).toEqual([true, 1])
    expect([await checkFiftyTimes(), queries]).toEqual([true, 2])
    await opened.close()
  })

  test('a database that did not respond is ready again as soon as it responds [F7]', async () => {
    const opened = openDatabase(
      { url: 'postgresql://nobody@127.0.0.1:1/nothing', schemas: defaultSchemaNames, poolSize: 1 },
      log,
    )
    expect(await opened.isReady()).toBe(false)
    opened.pool.options.connectionString = database.url
    expect(await opened.isReady()).toBe(true)
    await opened.close()
  })

  test('a connection that is returned with an open transaction is closed, and its transaction rolled back [F1, F8]', async () => {
    const opened = openDatabase({ ...database, poolSize: 1 }, log)
    const client = await opened.pool.connect()
    await client.query('BEGIN')
    await client.query('CREATE TABLE "left_open" ()')
    client.release()
    const { rows } = await opened.pool.query(`SELECT to_regclass('left_open') AS "table"`)
    expect(rows).toEqual([{ table: null }])
    await opened.close()
  })

  test('a session that the server ends between two statements does not end the process [F7]', async () => {
    const ending = await startEndingSessions()
    const opened = openDatabase({ url: ending.url, schemas: defaultSchemaNames, poolSize: 1 }, log)
    expect(await ending.crashesDuring(() => opened.isReady())).toEqual([])
    await opened.close()
    ending.close()
  })
})

describe('the names of statements', () => {
  let opened: Database
  beforeEach(() => void (opened = openDatabase({ ...database, poolSize: 1 }, log)))
  afterEach(() => opened.close())

  const double = async (n: number, { prisma } = opened) =>
    (await prisma.$queryRaw<{ n: number }[]>`SELECT 2 * ${n}::int AS "n"`)[0]!.n
  const namedStatements = async ({ pool } = opened) =>
    (await pool.query<{ statement: string }>('SELECT "statement" FROM pg_prepared_statements')).rows.map(
      ({ statement }) => statement,
    )

  test.runIf(!testServer)('where all clients share one session, no statement has a name [R14]', async () => {
    for (const n of [1, 2]) expect(await double(n)).toBe(2 * n)
    expect(await namedStatements()).toEqual([])
  })

  describe.runIf(testServer)('on a server', () => {
    test('each text of a statement with parameters has one name, from Prisma and from pg [R14]', async () => {
      for (const n of [1, 2, 3]) {
        expect(await double(n)).toBe(2 * n)
        const { rows } = await opened.pool.query('SELECT $1::int AS "n"', [n])
        expect(rows).toEqual([{ n }])
        await opened.pool.query({ text: 'SELECT $1::text AS "t"', values: ['t'] })
      }
      await opened.pool.query('SELECT 1; SELECT 2')
      expect((await namedStatements()).toSorted()).toEqual([
        'SELECT $1::int AS "n"',
        'SELECT $1::text AS "t"',
        'SELECT 2 * $1::int AS "n"',
      ])
    })

    test('a statement succeeds although its session has forgotten the names [R14]', async () => {
      await double(1)
      await opened.pool.query('DEALLOCATE ALL')
      expect(await double(2)).toBe(4)
      // Names are no longer used, so that a pooler that forgets them causes one failure only.
      expect(await namedStatements()).toEqual([])
    })

    test('a transaction whose session has forgotten the names runs again as a whole [R14]', async () => {
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

    test('a query succeeds although the type of its column was changed since it was named [R14]', async () => {
      await opened.pool.query(
        'CREATE TABLE "narrow" ("t" varchar(5)); INSERT INTO "narrow" VALUES (\'short\')',
      )
      const read = () => opened.pool.query('SELECT "t" FROM "narrow" WHERE "t" = $1', ['short'])
      await read()
      await opened.pool.query('ALTER TABLE "narrow" ALTER "t" TYPE varchar(50)')
      expect((await read()).rows).toEqual([{ t: 'short' }])
    })

    test('statements keep their names after SQL that PostgreSQL does not support [R14]', async () => {
      const unsupported = opened.prismaTransaction(
        (tx) => tx.$queryRaw`SELECT count(*) FROM pg_class WHERE relpages = ${1}::int FOR UPDATE`,
      )
      await expect(unsupported).rejects.toThrow('0A000')
      await double(1)
      expect(await namedStatements()).toContain('SELECT 2 * $1::int AS "n"')
    })

    test.runIf(pgbouncer)(
      'through PgBouncer in transaction mode, no statement has a name and fifty at the same time are right [R14, V1]',
      async () => {
        const pooler = await startPgBouncer(testServer!)
        const url = pooler.url(new URL(database.url).pathname.slice(1))
        const through = openDatabase({ ...database, url, poolSize: 10 }, log)
        try {
          const numbers = Array.from({ length: 50 }, (_, n) => n)
          expect(await Promise.all(numbers.map((n) => double(n, through)))).toEqual(numbers.map((n) => 2 * n))
          expect((await Promise.all(numbers.map(() => namedStatements(through)))).flat()).toEqual([])
        } finally {
          await through.close()
          await pooler.stop()
        }
      },
    )
  })
})
