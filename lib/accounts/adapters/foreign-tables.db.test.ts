import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openUsersTables, type OpenedUsersTables } from '@/e2e/support/opened-users-tables'
import { testServer } from '@/e2e/support/test-database'
import { signedState, isResettable } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { django } from '@/lib/accounts/presets/django'
import { usersTable, type UsersMapping } from '@/lib/accounts/users-table'

import { describeError } from '@/lib/logging/log'
import { argon2id } from '@/lib/passwords/hashers/argon2id'

import { createSqlAccountStore } from './sql-store'

let tables: OpenedUsersTables
let opened: OpenedUsersTables['opened']
let sql: OpenedUsersTables['sql']
beforeAll(async () => {
  tables = await openUsersTables({ products: ['django', 'better-auth'], poolSize: 8 })
  ;({ opened, sql } = tables)
  await sql.query(`
    CREATE SCHEMA crm;
    CREATE TYPE crm.state AS ENUM ('Y', 'N');
    CREATE TABLE crm.people (
      person_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text NOT NULL, mail varchar(200), state crm.state NOT NULL,
      pw char(120), changed timestamp, "strange "" name" text, valid_until timestamptz);
    CREATE TABLE crm.logins (person_id text NOT NULL, agent text);
    CREATE TABLE crm.notes (person_id bigint NOT NULL, note text);`)
}, 120_000)
afterAll(() => tables.close())

const tag = () => randomBytes(6).toString('hex')
const replace = async (store: AccountStore, id: string, hash: string) => {
  const account = (await store.read(id)).account!
  return opened.transaction((tx) =>
    store.replacePassword(tx, id, signedState(account), hash, { bindPassword: true }).then(Boolean),
  )
}

async function allRows(): Promise<Record<string, unknown[]>> {
  const { rows } = await sql.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS "name" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname IN ('public', 'crm')`,
  )
  const found: Record<string, unknown[]> = {}
  for (const { name } of rows)
    found[name] = (await sql.query(`SELECT to_jsonb(t) AS "row" FROM ${name} t ORDER BY t::text`)).rows
  return found
}

describe('the tables of Django', () => {
  const store = () => createSqlAccountStore(opened, django({ version: '5.2' }))
  const hash = 'pbkdf2_sha256$1000000$frerlHE8nbRlTMHfn5d2ov$TJo0SUefVYMBLtJc/W+evsjqu8Mu6Qg4K4G8R4fGoA8='
  async function add(columns: Record<string, unknown> = {}) {
    const username = `user-${tag()}`
    const row = { username, email: `${username}@example.com`, password: hash, ...columns }
    const id = await tables.addDjangoUser(row)
    await sql.query('INSERT INTO authtoken_token VALUES ($1, now(), $2)', [tag(), id])
    return { ...row, id }
  }

  test('a reset in Django’s tables changes the hash and the tokens of one account and nothing else [W3]', async () => {
    const [person, other] = [await add(), await add()]
    const before = await allRows()
    expect(await replace(store(), person.id, 'a new hash')).toBe(true)
    const after = await allRows()
    expect(after['public.authtoken_token']).toHaveLength(before['public.authtoken_token']!.length - 1)
    const changed = before['public.auth_user']!.map((row) => {
      const { row: user } = row as { row: { id: number } }
      return String(user.id) === person.id ? { row: { ...user, password: 'a new hash' } } : row
    })
    expect(new Set(after['public.auth_user']!.map((row) => JSON.stringify(row)))).toEqual(
      new Set(changed.map((row) => JSON.stringify(row))),
    )
    for (const table of Object.keys(before).filter((name) => !/auth/.test(name)))
      expect(after[table]).toEqual(before[table])
    expect((await sql.query('SELECT FROM authtoken_token WHERE user_id = $1', [other.id])).rowCount).toBe(1)
  })

  test('Django accounts that are disabled or have no usable password or address get no email and no reset [W5]', async () => {
    const notResettable = [
      { is_active: false },
      { password: '!x' },
      { password: '' },
      { password: 'gibberish' },
      { email: '' },
    ]
    for (const part of notResettable) {
      const { id, username, email } = await add(part)
      const { account } = await store().read(id)
      expect([part, isResettable(account!)]).toEqual([part, false])
      const [found] = await store().findByLogin(username, ['username', 'email'])
      expect(isResettable(found!)).toBe(false)
      expect(await replace(store(), id, 'a new hash')).toBe(false)
      if (email !== '' && part.password !== 'gibberish')
        expect(await store().findIdsByEmail(email)).toEqual([])
    }
  })

  test('usernames are compared in the form NFKC, as Django does, and addresses without regard to case [I6]', async () => {
    const username = `ﬁona-${tag()}`
    const { id, email } = await add({ username: username.normalize('NFKC') })
    const ids = async (login: string) =>
      (await store().findByLogin(login, ['username', 'email'])).map((account) => account.id)
    expect(await ids(username)).toEqual([id])
    expect(await ids(email.toUpperCase())).toEqual([id])
    expect(await ids(username.toUpperCase())).toEqual([])
  })

  test.each([
    '',
    '0',
    '01',
    '+1',
    '1 ',
    ' 1',
    '1.0',
    '1e0',
    '99999999999999999999',
    '2147483648',
    'x',
    "1' OR true --",
  ])('the id %j finds no Django account [T9]', async (id) => {
    await add()
    expect((await store().read(id)).account).toBeNull()
  })

  test('of three resets at the same time one replaces the password, and none does after a change of address [C12]', async () => {
    const { id } = await add()
    // The first account that a process reads makes it read the catalogue.
    const mapped = store()
    const signed = signedState((await mapped.read(id)).account!)
    const race = () =>
      opened.transaction((tx) =>
        mapped.replacePassword(tx, id, signed, `hash ${tag()}`, { bindPassword: true }).then(Boolean),
      )
    expect((await Promise.all([race(), race(), race()])).filter(Boolean)).toHaveLength(1)

    const fresh = signedState((await mapped.read(id)).account!)
    await sql.query(`UPDATE auth_user SET email = 'else@example.com' WHERE id = $1`, [id])
    expect(
      await opened.transaction((tx) => mapped.replacePassword(tx, id, fresh, 'late', { bindPassword: true })),
    ).toBeNull()
  })
})

describe('the tables of better-auth', () => {
  const store = (options = {}) => createSqlAccountStore(opened, betterAuth({ admin: true, ...options }))
  const hash = `${'a'.repeat(32)}:${'b'.repeat(128)}`
  async function add(
    user: Record<string, unknown> = {},
    providers: [string, string | null][] = [['credential', hash]],
  ) {
    const id = tag()
    const row = { id, name: 'Ada Lehmann', email: `${id}@example.com`, emailVerified: true, ...user }
    const columns = Object.keys(row).map((name) => `"${name}"`)
    await sql.query(
      `INSERT INTO "user" (${columns}) VALUES (${columns.map((_, n) => `$${n + 1}`)})`,
      Object.values(row),
    )
    for (const [provider, password] of providers)
      await sql.query(
        `INSERT INTO account ("id", "accountId", "providerId", "userId", "password", "updatedAt") VALUES ($1, $2, $3, $2, $4, '2026-01-01Z')`,
        [tag(), id, provider, password],
      )
    await sql.query(
      `INSERT INTO session ("id", "token", "userId", "expiresAt", "updatedAt") VALUES ($1, $1, $2, now() + interval '1 day', now())`,
      [tag(), id],
    )
    for (const identifier of [`reset-password:${tag()}`, `email-verification:${tag()}`])
      await sql.query(
        `INSERT INTO verification ("id", "identifier", "value", "expiresAt") VALUES ($1, $2, $3, now() + interval '1 hour')`,
        [tag(), identifier, id],
      )
    return { ...row, id }
  }

  test('a reset in better-auth’s tables writes the credential row and ends sessions and open reset links [W2, W3]', async () => {
    const { id, email } = await add({}, [
      ['google', null],
      ['credential', hash],
    ])
    const [account] = await store().findByLogin(email.toUpperCase(), ['username', 'email'])
    expect(account).toMatchObject({ id, name: 'Ada Lehmann', username: '', passwordProblem: null })
    expect(await replace(store(), id, 'a new hash')).toBe(true)
    const { rows } = await sql.query(
      `SELECT "providerId", "password", "updatedAt" > now() - interval '1 minute' AS "isNew" FROM account WHERE "userId" = $1 ORDER BY 1`,
      [id],
    )
    expect(rows).toEqual([
      { providerId: 'credential', password: 'a new hash', isNew: true },
      { providerId: 'google', password: null, isNew: false },
    ])
    expect((await sql.query('SELECT FROM session WHERE "userId" = $1', [id])).rowCount).toBe(0)
    const left = await sql.query<{ identifier: string }>(
      'SELECT identifier FROM verification WHERE value = $1',
      [id],
    )
    expect(left.rows.map(({ identifier }) => identifier.split(':')[0])).toEqual(['email-verification'])
  })

  test('a reset returns the number of sessions that it ended, without open reset links [W2]', async () => {
    const replaceOf = async (id: string) => {
      const account = (await store().read(id)).account!
      return opened.transaction((tx) =>
        store().replacePassword(tx, id, signedState(account), hash, { bindPassword: true }),
      )
    }
    const [{ id }, { id: other }] = [await add(), await add()]
    await sql.query('DELETE FROM session WHERE "userId" = $1', [other])
    expect([await replaceOf(id), await replaceOf(other)]).toEqual([{ endedSignIns: 1 }, { endedSignIns: 0 }])
    const links = `SELECT FROM verification WHERE value IN ('${id}', '${other}') AND identifier LIKE 'reset-password:%'`
    expect((await sql.query(links)).rowCount).toBe(0)
  })

  test.each<[string, Record<string, unknown>, [string, string | null][]?]>([
    ['is banned', { banned: true }],
    ['is banned for a while', { banned: true, banExpires: '2999-01-01Z' }],
    ['has only a social account', {}, [['google', null]]],
    ['has no password in its credential row', {}, [['credential', null]]],
    ['has no account row', {}, []],
  ])('a better-auth user that %s gets no email and no reset [W5]', async (_what, user, providers) => {
    const { id, email } = await add(user, providers)
    expect(isResettable((await store().read(id)).account!)).toBe(false)
    expect(await store().findIdsByEmail(email)).toEqual([])
    expect(await replace(store(), id, 'a new hash')).toBe(false)
  })

  test('a better-auth user whose ban has expired can be reset, and one with two credential rows cannot, but is found once', async () => {
    const { id } = await add({ banned: true, banExpires: '2020-01-01Z' })
    expect(isResettable((await store().read(id)).account!)).toBe(true)
    const { id: twice, email } = await add({}, [
      ['credential', hash],
      ['credential', hash],
    ])
    expect(isResettable((await store().read(twice)).account!)).toBe(false)
    expect(await store().findIdsByEmail(email)).toEqual([twice])
    expect(await replace(store(), twice, 'a new hash')).toBe(false)
  })
})

describe('a team’s own users table', () => {
  const mapping = (more: Partial<UsersMapping> = {}) =>
    usersTable({
      table: 'crm.people',
      id: 'person_id',
      email: 'mail',
      label: 'strange " name',
      only: [{ column: 'tenant', is: 'north' }],
      active: [
        { column: 'state', is: 'Y' },
        {
          any: [
            { column: 'valid_until', is: null },
            { column: 'valid_until', isNot: null },
          ],
        },
      ],
      password: { column: 'pw', format: argon2id() },
      set: { changed: 'now', 'strange " name': { random: 12 } },
      end: [
        { table: 'crm.logins', user: 'person_id' },
        { table: 'crm.optional', user: 'person_id', ifPresent: true },
      ],
      ...more,
    })
  const phc = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b3dWRWJTmaaJObGPWc6ZSfkF60'
  async function add(tenant = 'north', state = 'Y', mail = `${tag()}@example.com`) {
    const { rows } = await sql.query<{ id: string }>(
      `INSERT INTO crm.people (tenant, mail, state, pw, "strange "" name") VALUES ($1, $2, $3, $4, 'old') RETURNING person_id::text AS id`,
      [tenant, mail, state, phc],
    )
    const { id } = rows[0]!
    await sql.query(`INSERT INTO crm.logins VALUES ($1, 'browser')`, [id])
    return { id, mail }
  }

  test('only accounts of the mapped tenant exist, and a reset writes the mapped columns and ends logins [W12, W2]', async () => {
    const { id, mail } = await add()
    const { id: south } = await add('south', 'Y', mail)
    const store = createSqlAccountStore(opened, mapping())
    expect((await store.read(south)).account).toBeNull()
    expect((await store.findByLogin(mail, ['email'])).map((account) => [account.id, account.label])).toEqual([
      [id, 'old'],
    ])
    expect(await store.findIdsByEmail(mail)).toEqual([id])
    expect(await replace(store, id, `${phc}x`)).toBe(true)
    const { rows } = await sql.query(
      `SELECT trim(pw) AS pw, "strange "" name" ~ '^[A-Za-z0-9]{12}$' AS drawn,
              abs(extract(epoch FROM changed - (now() AT TIME ZONE 'UTC'))) < 60 AS now FROM crm.people WHERE person_id = $1`,
      [id],
    )
    expect(rows).toEqual([{ pw: `${phc}x`, drawn: true, now: true }])
    expect(
      (await sql.query('SELECT person_id FROM crm.logins WHERE person_id = ANY ($1)', [[id, south]])).rows,
    ).toEqual([{ person_id: south }])
  })

  test('what Rekey stores about an account does not apply to one with the same id in another table [W7]', async () => {
    const { id } = await add()
    const store = createSqlAccountStore(opened, mapping())
    await sql.query(
      `INSERT INTO rekey.recovery ("users_table", "account_id", "links_epoch") VALUES ('public.auth_user', $1, 7)
       ON CONFLICT ("users_table", "account_id") DO UPDATE SET "links_epoch" = 7`,
      [id],
    )
    expect((await store.read(id)).account!.linksEpoch).toBe(0)
    expect([store.identity, createSqlAccountStore(opened, django({ version: '5.2' })).identity]).toEqual([
      'crm.people',
      'public.auth_user',
    ])
  })

  test('a process checks once which optional tables of `end` exist', async () => {
    const { id } = await add()
    const store = createSqlAccountStore(opened, mapping())
    await store.read(id)
    await sql.query('CREATE TABLE crm.optional (person_id bigint)')
    await sql.query('INSERT INTO crm.optional VALUES ($1)', [id])
    const left = async () => (await sql.query('SELECT FROM crm.optional')).rowCount
    expect([await replace(store, id, `${phc}x`), await left()]).toEqual([true, 1])
    const restarted = createSqlAccountStore(opened, mapping())
    expect([await replace(restarted, id, `${phc}y`), await left()]).toEqual([true, 0])
    await sql.query('DROP TABLE crm.optional')
  })

  test('a login that two accounts share finds neither of them, and a login of one account finds it', async () => {
    const first = await add()
    const byAddress = createSqlAccountStore(opened, mapping())
    const byName = createSqlAccountStore(opened, mapping({ username: 'strange " name' }))
    const name = `name-${tag()}`
    const rename = (id: string) =>
      sql.query('UPDATE crm.people SET "strange "" name" = $1 WHERE person_id = $2', [name, id])
    await rename(first.id)
    expect((await byAddress.findOne(first.mail))!.id).toBe(first.id)
    expect((await byName.findOne(name))!.id).toBe(first.id)
    await rename((await add('north', 'Y', first.mail)).id)
    expect(await byAddress.findOne(first.mail)).toBeNull()
    expect(await byName.findOne(name)).toBeNull()
  })

  test.runIf(testServer)(
    'an address finds no account of another address that the collation of the column takes for the same',
    async () => {
      await sql.query(`CREATE COLLATION crm.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
        CREATE TABLE crm.loosely (id int PRIMARY KEY, mail text COLLATE crm.loose, pw text)`)
      await sql.query(`INSERT INTO crm.loosely VALUES (1, 'josé@example.com', $1)`, [phc])
      const store = createSqlAccountStore(opened, {
        table: 'crm.loosely',
        id: 'id',
        email: 'mail',
        emailStored: 'lowercase',
        active: [],
        password: { column: 'pw', format: argon2id() },
      })
      expect(await store.findIdsByEmail('jose@example.com')).toEqual(['1'])
      expect(await store.findByLogin('jose@example.com', ['email'])).toEqual([])
      expect(await store.findOne('jose@example.com')).toBeNull()
      expect((await store.findOne('josé@example.com'))!.id).toBe('1')
    },
  )

  test('accounts can be found and reset through a view', async () => {
    await sql.query(`CREATE OR REPLACE VIEW crm.active_people AS SELECT * FROM crm.people WHERE state = 'Y'`)
    const { id, mail } = await add()
    const { id: gone } = await add('north', 'N')
    const store = createSqlAccountStore(opened, mapping({ table: 'crm.active_people', active: [] }))
    expect(await store.findIdsByEmail(mail)).toEqual([id])
    expect((await store.read(gone)).account).toBeNull()
    expect(await replace(store, id, `${phc}y`)).toBe(true)
  })

  test('an update that a trigger or constraint refuses changes nothing, and its description has no value [W8]', async () => {
    const { id } = await add()
    await sql.query(`CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON crm.people FOR EACH ROW EXECUTE FUNCTION crm.refuse()`)
    const before = await allRows()
    const store = createSqlAccountStore(opened, mapping())
    const failure = () => replace(store, id, `${phc}z`).then(() => ({}), describeError)
    expect(await failure()).toMatchObject({ sqlState: 'P0001' })
    await sql.query(`DROP TRIGGER refuse ON crm.people;
      ALTER TABLE crm.people ADD CONSTRAINT no_such_hash CHECK (trim(pw) NOT LIKE '%z') NOT VALID`)
    const refused = await failure()
    expect(refused).toMatchObject({ sqlState: '23514', constraint: 'no_such_hash' })
    expect(JSON.stringify(refused)).not.toContain('$argon2id')
    await sql.query('ALTER TABLE crm.people DROP CONSTRAINT no_such_hash')
    expect(await allRows()).toEqual(before)
  })

  test('logins and ids that the types of the columns do not accept find no account and throw no error [I7]', async () => {
    await sql.query(`CREATE DOMAIN crm.word AS varchar(20) CHECK (VALUE ~ '^[!-~]+$');
      CREATE DOMAIN crm.handle AS crm.word CHECK (VALUE ~ '^[a-z]+$');
      CREATE DOMAIN crm.address AS text CHECK (VALUE ~ '^[!-~]+@[!-~]+$');
      CREATE TABLE crm.strict (id smallint PRIMARY KEY, handle crm.handle UNIQUE, mail crm.address, pw text)`)
    await sql.query(`INSERT INTO crm.strict VALUES (7, 'ada', 'ada@example.com', $1)`, [phc])
    const store = createSqlAccountStore(opened, {
      table: 'crm.strict',
      id: 'id',
      username: 'handle',
      email: 'mail',
      emailStored: 'lowercase',
      active: [],
      password: { column: 'pw', format: argon2id() },
    })
    const found = async (login: string) => (await store.findByLogin(login, ['username', 'email'])).length
    expect(await found('ada')).toBe(1)
    expect(await found('ada@example.com')).toBe(1)
    for (const login of ['Ü 7', 'ü@example.org', 'x@über.example', '']) expect(await found(login)).toBe(0)
    for (const id of ['40000', '-40000']) expect((await store.read(id)).account).toBeNull()
    await store.simulateRead()
    expect(await replace(store, '7', `${phc}x`)).toBe(true)
  })

  test('accounts that are read in one turn are read by one statement, also if an id is there twice or of no account [A8]', async () => {
    await sql.query('CREATE TABLE crm.coded (code text PRIMARY KEY, mail text, pw text)')
    await sql.query(
      `INSERT INTO crm.coded SELECT c, c || '@example.com', $1 FROM unnest(ARRAY['ada', 'bob']) c`,
      [phc],
    )
    const store = createSqlAccountStore(opened, {
      table: 'crm.coded',
      id: 'code',
      email: 'mail',
      active: [],
      password: { column: 'pw', format: argon2id() },
    })
    await store.read('ada')
    const query = vi.spyOn(opened.pool, 'query')
    const read = async (id: string) => (await store.read(id)).account?.email
    const all = await Promise.all(['ada', 'bob', 'ada', 'eve', ''].map(read))
    expect(all).toEqual(['ada@example.com', 'bob@example.com', 'ada@example.com', undefined, undefined])
    expect(query).toHaveBeenCalledTimes(1)
    query.mockRestore()
  })

  test('no password is replaced for an unknown id or a text that is not an id', async () => {
    const store = createSqlAccountStore(opened, mapping())
    const state = { passwordHash: phc, email: '', isActive: true, linksEpoch: 0 }
    for (const id of ['9999999999', randomUUID(), '']) {
      expect((await store.read(id)).account).toBeNull()
      expect(
        await opened.transaction((tx) => store.replacePassword(tx, id, state, phc, { bindPassword: true })),
      ).toBeNull()
    }
  })
})
