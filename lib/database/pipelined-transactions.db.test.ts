import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { reportErrorsInGerman } from '@/e2e/support/german-errors'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { createPipelinedTransactions } from './pipelined-transactions'

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
const statementNames = async (of = pool) =>
  (await of.query<{ name: string }>('SELECT "name" FROM pg_prepared_statements ORDER BY 1')).rows.map(
    ({ name }) => name,
  )

test('a transaction returns its rows as text, and runs at READ COMMITTED whatever the default is [V10]', async () => {
  await pool.query(`SET default_transaction_isolation = 'serializable'`)
  const { run } = createPipelinedTransactions({ pool, ...database }, timeouts)
  expect(await run(add(1))).toEqual([['1', 'read committed', null]])
  await pool.query('RESET default_transaction_isolation')
})

test('after a failed transaction, the next one uses the same connection, whatever language messages have [R14]', async () => {
  const german = new pg.Pool({ connectionString: database.url, max: 1 })
  reportErrorsInGerman(german)
  const { run } = createPipelinedTransactions({ pool: german, ...database }, timeouts)
  const pid = async () => (await german.query('SELECT pg_backend_pid() AS "pid"')).rows
  const before = await pid()
  await expect(run(add(1000))).rejects.toMatchObject({ code: '23514', severity: 'FEHLER' })
  expect(await run(add(2))).toEqual([['2', 'read committed', null]])
  expect(await pid()).toEqual(before)
  await german.end()
})

test('where all clients share one session, no statement of a transaction has a name [R14]', async () => {
  const { run } = createPipelinedTransactions({ pool, sharedSession: true }, timeouts)
  for (const n of [1, 2, 3]) await run(add(n))
  expect(await statementNames()).toEqual([])
})

describe.runIf(testServer)('on a server', () => {
  test('statements have names from the second transaction of a connection on [R14]', async () => {
    const { run } = createPipelinedTransactions({ pool }, timeouts)
    await run(add(1))
    expect(await statementNames()).toEqual([])
    for (const n of [2, 3]) await run(add(n))
    expect(await statementNames()).toEqual(['add', 'rekey_begin', 'rekey_bound', 'rekey_commit'])
  })

  test('a transaction succeeds although its session has forgotten the names or already knows them [R14]', async () => {
    const { run } = createPipelinedTransactions({ pool }, timeouts)
    for (const n of [1, 2]) await run(add(n))
    await pool.query('DEALLOCATE ALL')
    expect(await run(add(3))).toEqual([['3', 'read committed', null]])
    expect(await statementNames()).toEqual([])
    // Names are no longer used, so that a pooler that forgets them causes one failure only.
    await run(add(4))
    expect(await statementNames()).toEqual([])
  })

  test.runIf(pgbouncer)(
    'through PgBouncer in transaction mode, no statement of fifty parallel transactions has a name [R14, V1]',
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
        const sessions = await Promise.all(numbers.map(() => statementNames(through)))
        expect(sessions.flat()).toEqual([])
      } finally {
        await through.end()
        await pooler.stop()
      }
    },
  )
})
