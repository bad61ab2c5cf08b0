import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { isResettable, linkState, type LinkState } from '@/lib/accounts/account'
import { createOwnAccounts, UsernameTaken, type NewAccount, type OwnAccounts } from './own-table'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createRecoveryStore, type RecoveryStore } from '@/lib/recovery/recovery-store'
import { Prisma } from '@/prisma/client/client'

let database: TestDatabase
let opened: Database
let accounts: OwnAccounts
let recovery: RecoveryStore
let sql: pg.Client
beforeAll(async () => {
  database = await createMigratedDatabase()
  opened = openDatabase({ ...database, poolSize: 8 }, pino({ level: 'silent' }))
  accounts = createOwnAccounts(opened)
  recovery = createRecoveryStore(opened, '')
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
}, 120_000)
afterAll(async () => {
  await sql.end()
  await opened.close()
  await database.drop()
})

const newName = () => `user-${randomBytes(6).toString('hex')}`

function someone(account: Partial<NewAccount> = {}): NewAccount {
  const username = account.username ?? newName()
  const names = { firstName: '', lastName: '' }
  const state = { passwordHash: 'a hash', isActive: true, locale: null }
  return { username, email: `${username}@example.com`, ...names, ...state, ...account }
}

/** Accounts whose statements go elsewhere, but for the look into the catalogue. */
function watchedAccounts(elsewhere: (...statement: Parameters<typeof Prisma.sql>) => Promise<unknown>) {
  const $queryRaw = (...statement: Parameters<typeof Prisma.sql>) =>
    statement[0].join('').includes('pg_catalog.pg_class')
      ? opened.prisma.$queryRaw(Prisma.sql(...statement))
      : elsewhere(...statement)
  return createOwnAccounts({ ...opened, prisma: { $queryRaw } as unknown as Database['prisma'] })
}

let id: string
beforeEach(async () => {
  id = await accounts.add(someone())
})

/** An account that another application wrote: Rekey has no row beside it yet. */
async function stranger(): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    `INSERT INTO "rekey"."users" ("id", "username", "email", "password") VALUES (gen_random_uuid(), $1, $1 || '@example.com', 'a hash')
     RETURNING "id"`,
    [newName()],
  )
  return rows[0]!.id
}

const read = async (of = id) => (await accounts.read(of)).account!
const remove = (of = id) => sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [of])

describe('replacing a password', () => {
  const replace = (signed: LinkState, bindPassword = true, of = id) =>
    opened.transaction(
      async (tx) => (await accounts.replacePassword(tx, of, signed, 'a new hash', { bindPassword })) !== null,
    )
  const change = (what: string) => sql.query(`UPDATE "rekey"."users" SET ${what} WHERE "id" = $1`, [id])

  test('works in the state that was signed, once, and tells when', async () => {
    for (const of of [id, await stranger()]) {
      const signed = linkState(await read(of))
      expect([await replace(signed, true, of), await replace(signed, true, of)]).toEqual([true, false])
      const { passwordHash, passwordChangedAt } = await read(of)
      expect(passwordHash).toBe('a new hash')
      expect(Math.abs(passwordChangedAt!.getTime() - Date.now())).toBeLessThan(60_000)
    }
  })

  const anyway: [string, () => Promise<unknown>][] = [
    ['its address', () => change(`"email" = 'new@example.com'`)],
    ['its address, in capitals only', () => change(`"email" = upper("email")`)],
    ['its status', () => change('"is_active" = false')],
    ['its password, to none', () => change('"password" = NULL')],
    ['its epoch', () => opened.transaction((tx) => recovery.revokeLinks(tx, id, 0, 1))],
    ['all: it is gone', () => remove()],
  ]
  test.each<[string, () => Promise<unknown>]>([
    ...anyway,
    ['its password', () => change(`"password" = 'set elsewhere'`)],
  ])('of an account that changed since does not: %s [T5, C12]', async (_what, event) => {
    const signed = linkState(await read())
    await event()
    expect(await replace(signed)).toBe(false)
    expect((await accounts.read(id)).account?.passwordHash).not.toBe('a new hash')
  })

  test.each(anyway.slice(0, 3))(
    'nor by a link that knows of its epoch, and not of %s [T5]',
    async (_what, event) => {
      const signed = linkState(await read())
      await event()
      const { linksEpoch } = await read()
      expect(linksEpoch).toBe(signed.linksEpoch + 1)
      expect(await replace({ ...signed, linksEpoch })).toBe(false)
    },
  )

  test('an address that changes meanwhile waits for it: neither ends the other', async () => {
    await sql.query('DELETE FROM "rekey"."recovery" WHERE "account_id" = $1', [id])
    const signed = linkState(await read())
    let changed: Promise<unknown> | undefined
    const replaced = opened.transaction(async (tx) => {
      // The first statement locks the account's row.
      const $queryRaw = async (...statement: Parameters<typeof tx.$queryRaw>) => {
        const rows = await tx.$queryRaw(...statement)
        changed ??= change(`"email" = 'new@example.com'`)
        await new Promise((resolve) => setTimeout(resolve, 300))
        return rows
      }
      const $executeRaw = tx.$executeRaw.bind(tx)
      const slow = { $queryRaw, $executeRaw } as unknown as typeof tx
      return (await accounts.replacePassword(slow, id, signed, 'a new hash', { bindPassword: true })) !== null
    })
    expect(await replaced).toBe(true)
    await changed
    expect(await read()).toMatchObject({
      passwordHash: 'a new hash',
      email: 'new@example.com',
      linksEpoch: 1,
    })
  })

  test('where links may be used again, a new password does not matter', async () => {
    const signed = linkState(await read())
    expect([await replace(signed, false), await replace(signed, false)]).toEqual([true, true])
  })

  test.each(anyway)('but all else does: %s', async (_what, event) => {
    const signed = linkState(await read())
    await event()
    expect(await replace(signed, false)).toBe(false)
  })
})

describe('looking up', () => {
  test('a text that is no id finds no account, and the database’s clock comes with it [T9, I7]', async () => {
    for (const of of [
      randomUUID(),
      '',
      id.toUpperCase(),
      ` ${id}`,
      `{${id}}`,
      "' OR true --",
      '0',
      id.slice(1),
    ]) {
      const { account, now } = await accounts.read(of)
      expect(account).toBeNull()
      expect(Math.abs(now.getTime() - Date.now())).toBeLessThan(60_000)
    }
    expect((await accounts.read(id)).account).toMatchObject({ id, linksEpoch: 0 })
  })

  test('user names exactly, addresses whatever the capitals, in the fields that are searched [I6]', async () => {
    const username = newName()
    await accounts.add(someone({ username, email: `Mixed-${username}@Example.com` }))
    const address = `mixed-${username}@example.com`
    const names = async (...asked: Parameters<OwnAccounts['findByLogin']>) =>
      (await accounts.findByLogin(...asked)).map((account) => account.username)
    expect(await names(username, ['username', 'email'])).toEqual([username])
    expect(await names(username.toUpperCase(), ['username', 'email'])).toEqual([])
    expect(await names(address.toUpperCase(), ['username', 'email'])).toEqual([username])
    expect(await names(address, ['username'])).toEqual([])
    expect(await names(username, ['email'])).toEqual([])
    expect(await names('', ['username', 'email'])).toEqual([])
  })

  test.each([
    ['composed', 'decomposed', 'NFC', 'NFD'],
    ['decomposed', 'composed', 'NFD', 'NFC'],
  ] as const)(
    'a username stored %s is found when it is typed %s [I6]',
    async (_stored, _typed, stored, typed) => {
      const username = `jos\u00e9-\uac00-${newName()}`
      await accounts.add(someone({ username: username.normalize(stored) }))
      const found = (login: string) => accounts.findByLogin(login, ['username'])
      expect(await found(username.normalize(typed))).toMatchObject([{ username: username.normalize(stored) }])
      expect(await found(username.replace('\u00e9', 'e'))).toEqual([])
      expect(await found(username.normalize(typed).toUpperCase())).toEqual([])
      expect(await accounts.findByLogin(username.normalize(typed), ['email'])).toEqual([])
    },
  )

  test('two accounts whose usernames differ in that alone stay two: each is found, and named by its own spelling [I6]', async () => {
    const username = `jos\u00e9-${newName()}`
    const twins = [username.normalize('NFC'), username.normalize('NFD')]
    for (const twin of twins)
      await accounts.add(someone({ username: twin, email: `${newName()}@example.com` }))
    for (const twin of twins) {
      const found = await accounts.findByLogin(twin, ['username', 'email'])
      expect(found.map((account) => account.username).sort()).toEqual([...twins].sort())
      expect(await accounts.findOne(twin)).toMatchObject({ username: twin })
    }
  })

  test('an index serves the look-up of every spelling, among twenty thousand accounts [I6]', async () => {
    let asked = Prisma.empty
    const $queryRaw = async (...statement: Parameters<typeof Prisma.sql>) => {
      asked = Prisma.sql(...statement)
      return []
    }
    const watched = watchedAccounts($queryRaw)
    await watched.findByLogin('jos\u00e9', ['username', 'email'])
    await sql.query('BEGIN')
    try {
      await sql.query(`INSERT INTO "rekey"."users" ("id", "username", "email")
        SELECT gen_random_uuid(), 'many-' || n, n || '@many.example' FROM generate_series(1, 20000) AS n`)
      await sql.query('ANALYZE "rekey"."users"')
      const { rows } = await sql.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${asked.text}`, asked.values)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toContain('users_username_key')
      expect(plan).not.toContain('Seq Scan on users')
    } finally {
      await sql.query('ROLLBACK')
    }
  })

  test.each([
    `'`,
    `''`,
    `"`,
    `' OR true --`,
    `'or'1'='1'--`,
    `'OR/**/true/**/--`,
    `') OR ('1'='1`,
    `x' UNION SELECT * FROM "rekey"."users" --`,
    `'; DELETE FROM "rekey"."users"; --`,
    `'||pg_sleep(9)||'`,
    `\\' OR true --`,
    `\\`,
    `$$ OR true; $$`,
    `$1`,
    `{"username":"x"}`,
    '%',
    'user-%',
    '_'.repeat('user-'.length + 12),
    `\u2019 OR true --`,
    `\u02bcor\u02bc1\u02bc=\u02bc1`,
    `\uff07 OR true --`,
  ])('%s is a name that nobody has, and does nothing to the database [I7]', async (payload) => {
    const everything = async () =>
      (
        await sql.query(`SELECT (SELECT jsonb_agg(u ORDER BY u."id") FROM "rekey"."users" u) AS "users",
                                (SELECT jsonb_agg(r ORDER BY r."account_id") FROM "rekey"."recovery" r) AS "recovery"`)
      ).rows
    const before = await everything()
    // What SQL finds is compared once more: without a look at it, that would hide an injection.
    const found: unknown[] = []
    const $queryRaw = async (...statement: Parameters<typeof Prisma.sql>) => {
      const rows = await opened.prisma.$queryRaw<unknown[]>(Prisma.sql(...statement))
      found.push(...rows)
      return rows
    }
    const watched = watchedAccounts($queryRaw)
    for (const login of [payload, `${payload}@example.com`, `user@${payload}`])
      expect(await watched.findByLogin(login, ['username', 'email'])).toEqual([])
    expect(found).toEqual([])
    for (const of of [payload, `${id}${payload}`]) expect((await accounts.read(of)).account).toBeNull()
    expect(await everything()).toEqual(before)
  })

  test('every account that a login names is found: two of one address, and one whose user name it is', async () => {
    const address = `${newName()}@example.com`
    const [twin, other, named] = [
      someone({ email: address }),
      someone({ email: address }),
      someone({ username: address }),
    ]
    for (const account of [twin, other, named]) await accounts.add({ ...account, email: account.email })
    const found = await accounts.findByLogin(address, ['username', 'email'])
    expect(found.map(({ username }) => username).sort()).toEqual(
      [twin, other, named].map(({ username }) => username).sort(),
    )
  })
})

test('looking up in a table that folds what it compares finds nobody else [C2, C3, CVE-2024-27295]', async () => {
  const username = `jose-${randomBytes(6).toString('hex')}`
  await accounts.add(someone({ username }))
  const found = await opened.prisma.$queryRaw<unknown[]>`
    SELECT "id", "username", "email", "is_active" AS "isActive", "password" AS "passwordHash",
           false AS "isMarkedPasswordless", NULL AS "passwordChangedAt" FROM "rekey"."users" WHERE "username" = ${username}`
  /** A team's own table may find this row whatever accents and capitals are asked for; not every server has such. */
  const folding = watchedAccounts(async () => found)
  for (const login of [username, `${username}@example.com`, `${username.toUpperCase()}@EXAMPLE.com`])
    expect(await folding.findByLogin(login, ['username', 'email'])).toHaveLength(1)
  for (const login of [
    username.replace('e', 'é'),
    username.toUpperCase(),
    `${username.replace('o', 'ö')}@example.com`,
    `${username}@exämple.com`,
    `${username}@example.org`,
  ])
    expect(await folding.findByLogin(login, ['username', 'email'])).toEqual([])
})

describe('of an address that very many accounts have [R12]', () => {
  const many = isLong ? 200_000 : 20_000
  const email = `crowded-${randomBytes(6).toString('hex')}@example.com`
  const first = '00000000-0000-7000-8000-00000000'
  beforeAll(async () => {
    await sql.query(
      `INSERT INTO "rekey"."users" ("id", "username", "email", "password", "is_active")
       SELECT ($1 || lpad(to_hex(n), 4, '0'))::uuid, $2 || n, $3, 'a hash', n % 2 = 0 FROM generate_series(0, 9999) n
       UNION ALL SELECT gen_random_uuid(), $2 || n, $3, repeat('a hash', 20), true FROM generate_series(10000, $4) n`,
      [first, newName(), email, many],
    )
    await sql.query('ANALYZE "rekey"."users"')
  }, 300_000)
  afterAll(() => sql.query('DELETE FROM "rekey"."users" WHERE "email" = $1', [email]))

  test('a look-up reads a thousand ids, the oldest that get email, and the rows of those that are chosen [R12]', async () => {
    const ids = await accounts.findIdsByEmail(email.toUpperCase())
    expect(ids).toHaveLength(1000)
    expect([ids[0], ids[1], ids[999]]).toEqual(['0000', '0002', '07ce'].map((end) => `${first}${end}`))
    const found = await accounts.findByLogin(email, ['username', 'email'], (all) => all.slice(0, 20))
    expect(found.map(({ id: of }) => of)).toEqual(ids.slice(0, 20))
  })

  // The embedded database keeps no statistics.
  test.runIf(testServer)('nor does the database read more: the index ends the look-up [R12]', async () => {
    const seen = async () =>
      Number(
        (
          await sql.query(
            `SELECT idx_tup_read AS "n" FROM pg_stat_user_indexes WHERE indexrelname = 'users_email_folded_idx'`,
          )
        ).rows[0].n,
      )
    const settled = async () => {
      await sql.query('SELECT pg_stat_clear_snapshot()')
      return seen()
    }
    const before = await settled()
    await accounts.findIdsByEmail(email)
    // Sessions report within seconds, and those of the tests before may do so only now.
    await expect.poll(settled, { timeout: 30_000 }).toBeGreaterThan(before)
    expect((await settled()) - before).toBeLessThanOrEqual(4 * 1000)
  })

  test('memory stays flat [R12]', async () => {
    await accounts.findByLogin(email, ['email'])
    const before = process.memoryUsage().rss
    for (let i = 0; i < 20; i += 1) await accounts.findByLogin(email, ['email'])
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024)
  })
})

describe('keeping accounts', () => {
  test('a user name is taken once [I6]', async () => {
    const account = someone()
    await accounts.add(account)
    await expect(accounts.add({ ...account, email: 'other@example.com' })).rejects.toBeInstanceOf(
      UsernameTaken,
    )
  })

  test('an account can be switched off and on; one that is not there cannot', async () => {
    const { username } = await read()
    expect(await accounts.setActive(username, false)).toBe(true)
    expect((await read()).isActive).toBe(false)
    expect(await accounts.setActive(username, true)).toBe(true)
    expect((await read()).isActive).toBe(true)
    expect(await accounts.setActive(newName(), true)).toBe(false)
  })

  test('links die with every change of address or state, also for one that Rekey knew nothing of [T5]', async () => {
    const { id, username, linksEpoch } = await read()
    await sql.query('DELETE FROM "rekey"."recovery" WHERE "account_id" = $1', [id])
    await accounts.setActive(username, false)
    expect((await read()).linksEpoch).toBe(linksEpoch + 1)
    await accounts.setActive(username, true)
    expect((await read()).linksEpoch).toBe(linksEpoch + 2)
    await sql.query(`UPDATE "rekey"."users" SET "email" = 'else@example.com' WHERE "id" = $1`, [id])
    expect((await read()).linksEpoch).toBe(linksEpoch + 3)
    await sql.query(
      `UPDATE "rekey"."users" SET "email" = "email", "is_active" = true, "locale" = 'de' WHERE "id" = $1`,
      [id],
    )
    expect((await read()).linksEpoch).toBe(linksEpoch + 3)
  })
})

test('only an active account with a password of its own and an address is mailed and reset', async () => {
  expect(isResettable(await read())).toBe(true)
  const unfit: Partial<NewAccount>[] = [
    { isActive: false },
    { passwordHash: null },
    { passwordHash: '' },
    { passwordHash: '!' },
    { passwordHash: '!unusable-in-Django' },
    { email: '' },
  ]
  for (const part of unfit) {
    const account = someone(part)
    expect(isResettable(await read(await accounts.add(account)))).toBe(false)
    expect(await accounts.findIdsByEmail(account.email)).toEqual([])
  }
})
