import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { createPipelinedTransactions, wasRolledBack } from './pipelined-transactions'

let database: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  await pool.query('CREATE TABLE "seen" ("n" int CHECK ("n" < 1000), "isolation" text)')
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const timeouts = { statement: 5_000, lock: 5_000 }
const add = (n: number) => ({
  name: 'add',
  text: `INSERT INTO "seen" SELECT $1::int, current_setting('transaction_isolation') RETURNING "n", "isolation", NULL`,
  values: [String(n)],
})
const named = async (of = pool) =>
  (await of.query<{ name: string }>('SELECT "name" FROM pg_prepared_statements ORDER BY 1')).rows.map(
    ({ name }) => name,
  )

test('a transaction returns its rows as text, at READ COMMITTED whatever the default is [V10]', async () => {
  await pool.query(`SET default_transaction_isolation = 'serializable'`)
  const { run } = createPipelinedTransactions({ pool, ...database }, timeouts)
  expect(await run(add(1))).toEqual([['1', 'read committed', null]])
  await pool.query('RESET default_transaction_isolation')
})

test('a failed one is rolled back, says so, and leaves its connection fit for the next [R14]', async () => {
  const { run } = createPipelinedTransactions({ pool, ...database }, timeouts)
  const failure: unknown = await run(add(1000)).catch((error: unknown) => error)
  expect([wasRolledBack(failure), (failure as pg.DatabaseError).code]).toEqual([true, '23514'])
  expect(await run(add(2))).toEqual([['2', 'read committed', null]])
  expect(pool.totalCount).toBe(1)
})

test('one that nobody answers is not known to be rolled back [R14]', async () => {
  const nowhere = new pg.Pool({ connectionString: 'postgresql://127.0.0.1:1/x' })
  const failure: unknown = await createPipelinedTransactions({ pool: nowhere }, timeouts)
    .run(add(3))
    .catch((error: unknown) => error)
  expect(wasRolledBack(failure)).toBe(false)
  await nowhere.end()
})

test('where all clients share one session no statement has a name [R14]', async () => {
  const { run } = createPipelinedTransactions({ pool, sharedSession: true }, timeouts)
  for (const n of [1, 2, 3]) await run(add(n))
  expect(await named()).toEqual([])
})

describe.runIf(testServer)('on a server', () => {
  test('statements are named from the second transaction of a connection on [R14]', async () => {
    const { run } = createPipelinedTransactions({ pool }, timeouts)
    await run(add(1))
    expect(await named()).toEqual([])
    for (const n of [2, 3]) await run(add(n))
    expect(await named()).toEqual(['add', 'rekey_begin', 'rekey_bound', 'rekey_commit'])
  })

  test('a session that has forgotten the names, or knows them already, costs nobody a failure [R14]', async () => {
    const { run } = createPipelinedTransactions({ pool }, timeouts)
    for (const n of [1, 2]) await run(add(n))
    await pool.query('DEALLOCATE ALL')
    expect(await run(add(3))).toEqual([['3', 'read committed', null]])
    expect(await named()).toEqual([])
    // From now on without names, so that a pooler that behaves so costs one failure only.
    await run(add(4))
    expect(await named()).toEqual([])
  })

  test.runIf(pgbouncer)(
    'through PgBouncer in transaction mode no statement has a name, and fifty at once are right [R14, V1]',
    async () => {
      const pooler = await startPgBouncer(testServer!)
      const through = new pg.Pool({
        connectionString: pooler.url(new URL(database.url).pathname.slice(1)),
        max: 10,
      })
      try {
        const { run } = createPipelinedTransactions({ pool: through }, timeouts)
        const numbers = Array.from({ length: 50 }, (_, n) => n)
        const results = await Promise.all(numbers.map((n) => run(add(n))))
        expect(results.map(([row]) => row![0])).toEqual(numbers.map(String))
        const sessions = await Promise.all(numbers.map(() => named(through)))
        expect(sessions.flat()).toEqual([])
      } finally {
        await through.end()
        await pooler.stop()
      }
    },
  )
})
