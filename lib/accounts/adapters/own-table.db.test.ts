import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { newAccount, newUsername, openAccounts, type OpenedAccounts } from '@/e2e/support/opened-accounts'
import { testServer } from '@/e2e/support/test-database'
import { isResettable } from '@/lib/accounts/account'
import { Prisma } from '@/prisma/client/client'
import { createOwnAccounts, UsernameTaken, type NewAccount, type OwnAccounts } from './own-table'

let opened: OpenedAccounts
let accounts: OwnAccounts
let id: string
beforeAll(async () => {
  opened = await openAccounts()
  accounts = opened.accounts
}, 120_000)
beforeEach(async () => void (id = await accounts.add(newAccount())))
afterAll(() => opened.close())

const read = (of = id) => opened.read(of)

type Statement = Parameters<typeof Prisma.sql>

/** Accounts whose statements are run by a function, except those on the catalogue. */
function accountsRunBy(run: (...statement: Statement) => Promise<unknown>): OwnAccounts {
  const $queryRaw = (...statement: Statement) =>
    statement[0].join('').includes('pg_catalog.pg_class')
      ? opened.queries.$queryRaw(Prisma.sql(...statement))
      : run(...statement)
  return createOwnAccounts({ ...opened, queries: { ...opened.queries, $queryRaw: $queryRaw as never } })
}

describe('look-ups', () => {
  test('a text that is no account id finds no account, and the database’s time is returned with it [T9, I7]', async () => {
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

  test('a look-up compares usernames exactly and addresses without regard to case, in the given fields only [I6]', async () => {
    const username = newUsername()
    await accounts.add(newAccount({ username, email: `Mixed-${username}@Example.com` }))
    const address = `mixed-${username}@example.com`
    const names = async (...given: Parameters<OwnAccounts['findByLogin']>) =>
      (await accounts.findByLogin(...given)).map((account) => account.username)
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
      const username = `jos\u00e9-\uac00-${newUsername()}`
      await accounts.add(newAccount({ username: username.normalize(stored) }))
      const found = (login: string) => accounts.findByLogin(login, ['username'])
      expect(await found(username.normalize(typed))).toMatchObject([{ username: username.normalize(stored) }])
      expect(await found(username.replace('\u00e9', 'e'))).toEqual([])
      expect(await found(username.normalize(typed).toUpperCase())).toEqual([])
      expect(await accounts.findByLogin(username.normalize(typed), ['email'])).toEqual([])
    },
  )

  test('two accounts whose usernames differ only in composition are both found, and each is named as it is stored [I6]', async () => {
    const username = `jos\u00e9-${newUsername()}`
    const twins = [username.normalize('NFC'), username.normalize('NFD')]
    for (const twin of twins)
      await accounts.add(newAccount({ username: twin, email: `${newUsername()}@example.com` }))
    for (const twin of twins) {
      const found = await accounts.findByLogin(twin, ['username', 'email'])
      expect(found.map((account) => account.username).sort()).toEqual([...twins].sort())
      expect(await accounts.findOne(twin)).toMatchObject({ username: twin })
    }
  })

  test('among twenty thousand accounts, an index serves the look-up of every spelling of a username [I6]', async () => {
    let lookUp = Prisma.empty
    const recording = accountsRunBy(async (...statement) => {
      lookUp = Prisma.sql(...statement)
      return []
    })
    await recording.findByLogin('jos\u00e9', ['username', 'email'])
    await opened.sql.query('BEGIN')
    try {
      await opened.sql.query(`INSERT INTO "rekey"."users" ("id", "username", "email")
        SELECT gen_random_uuid(), 'many-' || n, n || '@many.example' FROM generate_series(1, 20000) AS n`)
      await opened.sql.query('ANALYZE "rekey"."users"')
      const { rows } = await opened.sql.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN ${lookUp.text}`,
        lookUp.values,
      )
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toContain('users_username_key')
      expect(plan).not.toContain('Seq Scan on users')
    } finally {
      await opened.sql.query('ROLLBACK')
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
  ])('the login %s finds no account and changes nothing in the database [I7]', async (payload) => {
    const allRows = async () =>
      (
        await opened.sql
          .query(`SELECT (SELECT jsonb_agg(u ORDER BY u."id") FROM "rekey"."users" u) AS "users",
                                (SELECT jsonb_agg(r ORDER BY r."account_id") FROM "rekey"."recovery" r) AS "recovery"`)
      ).rows
    const before = await allRows()
    // Rekey compares the rows once more after the database, which would hide an injection.
    const found: unknown[] = []
    const recording = accountsRunBy(async (...statement) => {
      const rows = await opened.queries.$queryRaw<unknown[]>(Prisma.sql(...statement))
      found.push(...rows)
      return rows
    })
    for (const login of [payload, `${payload}@example.com`, `user@${payload}`])
      expect(await recording.findByLogin(login, ['username', 'email'])).toEqual([])
    expect(found).toEqual([])
    for (const of of [payload, `${id}${payload}`]) expect((await accounts.read(of)).account).toBeNull()
    expect(await allRows()).toEqual(before)
  })

  test('an address finds all accounts that have it as their address, and one that has it as its username', async () => {
    const address = `${newUsername()}@example.com`
    const [twin, other, named] = [
      newAccount({ email: address }),
      newAccount({ email: address }),
      newAccount({ username: address }),
    ]
    for (const account of [twin, other, named]) await accounts.add({ ...account, email: account.email })
    const found = await accounts.findByLogin(address, ['username', 'email'])
    expect(found.map(({ username }) => username).sort()).toEqual(
      [twin, other, named].map(({ username }) => username).sort(),
    )
  })
})

test('a table that compares without accents and case finds no account of a similar login [C2, C3, CVE-2024-27295]', async () => {
  const username = `jose-${randomBytes(6).toString('hex')}`
  await accounts.add(newAccount({ username }))
  const found = await opened.queries.$queryRaw<unknown[]>`
    SELECT "id", "username", "email", "is_active" AS "isActive", "password" AS "passwordHash",
           false AS "isMarkedPasswordless", NULL AS "passwordChangedAt" FROM "rekey"."users" WHERE "username" = ${username}`
  // Stands in for a table with such a collation, which not every server has: it returns this row for every look-up.
  const folding = accountsRunBy(async () => found)
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

describe('domains outside ASCII', () => {
  const localPart = () => `zoe.${randomBytes(6).toString('hex')}`
  const add = (email: string) => accounts.add(newAccount({ email }))

  test.each([
    ['müller', 'MÜLLER'],
    ['MÜLLER', 'müller'],
    ['MÜLLER', 'Müller'],
    ['éclair', 'ÉCLAIR'],
    ['Éclair', 'éclair'],
    ['ÉTÉ', 'été'],
    ['почта', 'ПОЧТА'],
    ['ПОЧТА', 'почта'],
    ['xn--mller-kva', 'MÜLLER'],
    ['MÜLLER', 'XN--MLLER-KVA'],
  ])('an address stored with the domain %s is found as %s [I6]', async (stored, typed) => {
    const local = localPart()
    const added = await add(`${local}@${stored}.example`)
    const found = await accounts.findByLogin(`${local.toUpperCase()}@${typed}.example`, ['email'])
    expect(found.map((account) => account.id)).toEqual([added])
  })

  test.each([
    ['kelvin', '\u212Aelvin'],
    ['mike', '\uFF2Dike'],
    ['strasse', 'stra\u1E9Ee'],
    ['stra\u00DFe', 'stra\u1E9Ee'],
    ['info', '\u0130nfo'],
    ['muller', 'MÜLLER'],
  ])('an address stored with the domain %s is not found as %s [C2]', async (stored, typed) => {
    const local = localPart()
    await add(`${local}@${stored}.example`)
    expect(await accounts.findByLogin(`${local}@${typed}.example`, ['email'])).toEqual([])
  })
})

describe('an address that very many accounts have [R12]', () => {
  const many = isLong ? 200_000 : 20_000
  const email = `crowded-${randomBytes(6).toString('hex')}@example.com`
  const first = '00000000-0000-7000-8000-00000000'
  beforeAll(async () => {
    await opened.sql.query(
      `INSERT INTO "rekey"."users" ("id", "username", "email", "password", "is_active")
       SELECT ($1 || lpad(to_hex(n), 4, '0'))::uuid, $2 || n, $3, 'a hash', n % 2 = 0 FROM generate_series(0, 9999) n
       UNION ALL SELECT gen_random_uuid(), $2 || n, $3, repeat('a hash', 20), true FROM generate_series(10000, $4) n`,
      [first, newUsername(), email, many],
    )
    await opened.sql.query('ANALYZE "rekey"."users"')
  }, 300_000)
  afterAll(() => opened.sql.query('DELETE FROM "rekey"."users" WHERE "email" = $1', [email]))

  test('a look-up reads the ids of the thousand oldest accounts that get emails, and the rows of the chosen ones [R12]', async () => {
    const ids = await accounts.findIdsByEmail(email.toUpperCase())
    expect(ids).toHaveLength(1000)
    expect([ids[0], ids[1], ids[999]]).toEqual(['0000', '0002', '07ce'].map((end) => `${first}${end}`))
    const found = await accounts.findByLogin(email, ['username', 'email'], (all) => all.slice(0, 20))
    expect(found.map(({ id: of }) => of)).toEqual(ids.slice(0, 20))
  })

  // The embedded database keeps no statistics.
  test.runIf(testServer)(
    'the database reads four thousand entries of the index at most for a look-up [R12]',
    async () => {
      const countRead = async () =>
        Number(
          (
            await opened.sql.query(
              `SELECT idx_tup_read AS "n" FROM pg_stat_user_indexes WHERE indexrelname = 'users_email_folded_idx'`,
            )
          ).rows[0].n,
        )
      const countReadNow = async () => {
        await opened.sql.query('SELECT pg_stat_clear_snapshot()')
        return countRead()
      }
      const before = await countReadNow()
      await accounts.findIdsByEmail(email)
      // Sessions report within seconds, and those of the tests before may do so only now.
      await expect.poll(countReadNow, { timeout: 30_000 }).toBeGreaterThan(before)
      expect((await countReadNow()) - before).toBeLessThanOrEqual(4 * 1000)
    },
  )

  test('twenty look-ups of an address that very many accounts have need less than 48 MiB of memory [R12]', async () => {
    await accounts.findByLogin(email, ['email'])
    const before = process.memoryUsage().rss
    for (let i = 0; i < 20; i += 1) await accounts.findByLogin(email, ['email'])
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024)
  })
})

describe('changes of accounts', () => {
  test('a second account with the same username is refused [I6]', async () => {
    const account = newAccount()
    await accounts.add(account)
    await expect(accounts.add({ ...account, email: 'other@example.com' })).rejects.toBeInstanceOf(
      UsernameTaken,
    )
  })

  test('an account can be deactivated and activated, and one that does not exist cannot', async () => {
    const { username } = await read()
    expect(await accounts.setActive(username, false)).toBe(true)
    expect((await read()).isActive).toBe(false)
    expect(await accounts.setActive(username, true)).toBe(true)
    expect((await read()).isActive).toBe(true)
    expect(await accounts.setActive(newUsername(), true)).toBe(false)
  })

  test('each change of address or status revokes the links of an account, even of one that Rekey has no row of [T5]', async () => {
    const { id, username, linksEpoch } = await read()
    await opened.sql.query('DELETE FROM "rekey"."recovery" WHERE "account_id" = $1', [id])
    await accounts.setActive(username, false)
    expect((await read()).linksEpoch).toBe(linksEpoch + 1)
    await accounts.setActive(username, true)
    expect((await read()).linksEpoch).toBe(linksEpoch + 2)
    await opened.sql.query(`UPDATE "rekey"."users" SET "email" = 'else@example.com' WHERE "id" = $1`, [id])
    expect((await read()).linksEpoch).toBe(linksEpoch + 3)
    await opened.sql.query(
      `UPDATE "rekey"."users" SET "email" = "email", "is_active" = true, "locale" = 'de' WHERE "id" = $1`,
      [id],
    )
    expect((await read()).linksEpoch).toBe(linksEpoch + 3)
  })
})

test('only an active account with a usable password and an address gets emails and can be reset', async () => {
  expect(isResettable(await read())).toBe(true)
  const notResettable: Partial<NewAccount>[] = [
    { isActive: false },
    { passwordHash: null },
    { passwordHash: '' },
    { passwordHash: '!' },
    { passwordHash: '!unusable-in-Django' },
    { email: '' },
  ]
  for (const facts of notResettable) {
    const account = newAccount(facts)
    expect(isResettable(await read(await accounts.add(account)))).toBe(false)
    expect(await accounts.findIdsByEmail(account.email)).toEqual([])
  }
})
