import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { openDatabase, type Database } from '@/lib/database/pool'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { migrate } from '@/lib/setup/migrate'
import { findAccount } from './support'

let database: TestDatabase
let opened: Database
beforeAll(async () => {
  database = await createTestDatabase()
  await migrate(database, { ownsUsers: false })
  opened = openDatabase({ ...database, poolSize: 2 }, pino({ level: 'silent' }))
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  await sql.query(`
    CREATE TABLE members (id integer PRIMARY KEY, name text, mail text, pw text);
    INSERT INTO members VALUES (1, 'ada', 'ada@example.com', ''), (2, 'ada', 'lovelace@example.com', ''),
                               (3, 'bea', 'shared@example.com', ''), (4, 'cid', 'shared@example.com', '')`)
  await sql.end()
}, 120_000)
afterAll(async () => {
  await opened.close()
  await database.drop()
})

test('the commands of the support act only on a login of one account', async () => {
  const store = createSqlAccountStore(opened, {
    table: 'members',
    id: 'id',
    username: 'name',
    email: 'mail',
    active: [],
    password: { column: 'pw', format: argon2id() },
  })
  expect((await findAccount(store, 'bea')).id).toBe('3')
  expect((await findAccount(store, 'lovelace@example.com')).id).toBe('2')
  await expect(findAccount(store, 'ada')).rejects.toThrow('2 accounts have the username "ada"')
  await expect(findAccount(store, 'shared@example.com')).rejects.toThrow('2 accounts have the address')
  await expect(findAccount(store, 'dora')).rejects.toThrow('There is no account "dora".')
})
