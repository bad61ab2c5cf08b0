import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openUsersTables, type OpenedUsersTables } from '@/e2e/support/opened-users-tables'
import { testServer } from '@/e2e/support/test-database'
import { LookUpTimedOut } from '@/lib/accounts/account-store'
import { django } from '@/lib/accounts/presets/django'
import { lookupSpellings } from '@/lib/addresses/email-address'
import { isStatementCancelled } from '@/lib/database/errors'
import { openDatabase } from '@/lib/database/pool'
import { findIdsStatement } from './find-ids'
import { createLookUpRunner } from './look-ups'
import { composeMappedTableSql } from './mapped-table-sql'
import { createSqlAccountStore } from './sql-store'

// Slow look-ups, locks and cancelled statements need a server.

const poolSize = 4
const users = django({ version: '5.2' })

describe.runIf(testServer)('look-ups in a users table without an index [W10]', () => {
  let tables: OpenedUsersTables
  let database: OpenedUsersTables['database']
  let opened: OpenedUsersTables['opened']
  let sql: OpenedUsersTables['sql']
  beforeAll(async () => {
    tables = await openUsersTables({ products: ['django'], poolSize })
    ;({ database, opened, sql } = tables)
    await sql.query(
      `INSERT INTO auth_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, date_joined)
       SELECT 'user' || n, 'user' || n || '@' || CASE n WHEN 1 THEN 'Übung.example' WHEN 2 THEN 'xn--bung-zra.example' ELSE 'example.com' END,
              '', '', 'pbkdf2_sha256$1000000$frerlHE8nbRlTMHfn5d2ov$TJo0SUefVYMBLtJc/W+evsjqu8Mu6Qg4K4G8R4fGoA8=', true, false, false, now()
         FROM generate_series(1, 2000) n`,
    )
    await sql.query('ANALYZE auth_user')
    // A query of this view takes as long as one of some million rows.
    await sql.query(`CREATE VIEW slow_user AS SELECT u.* FROM auth_user u, pg_sleep(0.3)`)
  }, 120_000)
  afterAll(() => tables?.close())

  const countLookUps = async () =>
    Number(
      (
        await sql.query(
          `SELECT count(*) AS "n" FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%slow_user%'`,
        )
      ).rows[0].n,
    )

  test('slow look-ups run one at a time, so that other queries get a connection at once [W10]', async () => {
    const store = createSqlAccountStore(opened, { ...users, table: 'slow_user' })
    const found = Promise.all(
      Array.from({ length: 2 * poolSize }, (_, n) => store.findIdsByEmail(`user${n + 3}@example.com`)),
    )
    const running: number[] = []
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        running.push(await countLookUps())
        await opened.pool.query('SELECT 1')
        expect(opened.pool.waitingCount).toBe(0)
      }
    })()
    const ids = await found
    isOver = true
    await watching
    expect(ids.map((of) => of.length)).toEqual(Array<number>(2 * poolSize).fill(1))
    expect(Math.max(...running)).toBe(1)
  }, 30_000)

  test('fast look-ups run at the same time [W10]', async () => {
    const lookUp = createLookUpRunner(opened, users)
    // A busy machine may need several tries until one takes less than 100 ms.
    for (let took = Infinity; took >= 100;) {
      const start = performance.now()
      await lookUp(async () => undefined)
      took = performance.now() - start
    }
    let running = 0
    const { promise: both, resolve } = Promise.withResolvers<void>()
    const two = () =>
      lookUp(async () => {
        running += 1
        if (running === 2) resolve()
        await both
      })
    await Promise.all([two(), two()])
  })

  test('a look-up of a domain outside ASCII finds all stored spellings and reads the table once [W10]', async () => {
    const store = createSqlAccountStore(opened, users)
    expect(await store.findIdsByEmail('USER1@ÜBUNG.example')).toEqual(['1'])
    expect(await store.findIdsByEmail('user2@übung.EXAMPLE')).toEqual(['2'])
    const readings = async (hasOwnIndex: boolean) => {
      const table = await composeMappedTableSql(opened.prisma, opened.names.recovery, users, store.identity)
      const options = { resettable: true, hasOwnIndex }
      const statement = findIdsStatement('user1@übung.example', table, users, options)
      const [explained] = await opened.prisma.$queryRaw<[object]>`EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`
      const plan = JSON.stringify(explained)
      return [...plan.matchAll(/"Seq Scan".*?"auth_user".*?"Actual Loops":(\d+)/g)].map(([, loops]) =>
        Number(loops),
      )
    }
    expect(await readings(false)).toEqual([1])
    // With an index, one look-up for each spelling is faster.
    expect(await readings(true)).toEqual([lookupSpellings('user1@übung.example').length])
  })

  test('a look-up that takes too long is ended in the database, and its error says which index is missing [W10]', async () => {
    const store = createSqlAccountStore(opened, users)
    await store.findIdsByEmail('user3@example.com')
    await sql.query('BEGIN')
    await sql.query('LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE')
    try {
      const error = await store.findByLogin('user3@example.com', ['email']).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(LookUpTimedOut)
      expect((error as Error).message).toBe(
        'A look-up of an address in auth_user took too long. Unless it has the index, have its owner run: CREATE INDEX CONCURRENTLY ON "public"."auth_user" (lower("email"::text COLLATE "C"));',
      )
      const { rows } = await sql.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      expect(rows).toEqual([])
    } finally {
      await sql.query('ROLLBACK')
    }
    expect(await store.findIdsByEmail('user3@example.com')).toHaveLength(1)
    const { rows } = await opened.pool.query('SHOW statement_timeout')
    expect(rows).toEqual([{ statement_timeout: '0' }])
  }, 30_000)

  test('a look-up that an administrator cancels is not reported as too slow [W10]', async () => {
    const cancelled = createLookUpRunner(
      opened,
      users,
    )((tx) => tx.$queryRaw`SELECT pg_cancel_backend(pg_backend_pid())`)
    await expect(cancelled).rejects.toSatisfy((error) => isStatementCancelled(error))
    await expect(cancelled).rejects.not.toBeInstanceOf(LookUpTimedOut)
  })

  test('a statement timeout of the role that is shorter than Rekey’s is kept [W10]', async () => {
    const role = new URL(database.url).username
    await sql.query(
      `ALTER ROLE ${role} IN DATABASE ${new URL(database.url).pathname.slice(1)} SET statement_timeout = '1s'`,
    )
    const limited = openDatabase({ ...database, poolSize: 1 }, pino({ level: 'silent' }))
    try {
      const set = await createLookUpRunner(
        limited,
        users,
      )((tx) => tx.$queryRaw`SELECT current_setting('statement_timeout') AS "is"`)
      expect(set).toEqual([{ is: '1s' }])
    } finally {
      await limited.close()
      await sql.query(
        `ALTER ROLE ${role} IN DATABASE ${new URL(database.url).pathname.slice(1)} RESET statement_timeout`,
      )
    }
  })

  test('a look-up that waits too long for its turn fails, and those after it still run [W10]', async () => {
    const lookUp = createLookUpRunner(opened, users, { longestStatement: 3000, longestWait: 100 })
    const { promise: going, resolve } = Promise.withResolvers<void>()
    const first = lookUp(() => going)
    await expect(lookUp(async () => 'second')).rejects.toBeInstanceOf(LookUpTimedOut)
    const third = lookUp(async () => 'third')
    resolve()
    expect([await first, await third]).toEqual([undefined, 'third'])
    expect(await lookUp(async () => 'fourth')).toBe('fourth')
  })
})
