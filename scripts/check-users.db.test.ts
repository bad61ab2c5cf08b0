import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openUsersTables, type OpenedUsersTables } from '@/e2e/support/opened-users-tables'
import { testServer, urlOfRole } from '@/e2e/support/test-database'
import { signedState } from '@/lib/accounts/account'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { devise } from '@/lib/accounts/presets/devise'
import { django } from '@/lib/accounts/presets/django'
import { laravel } from '@/lib/accounts/presets/laravel'
import { usersTable, type UsersMapping } from '@/lib/accounts/users-table'
import { createAuditLog } from '@/lib/audit/audit'
import { openDatabase, type Database } from '@/lib/database/pool'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { djangoPbkdf2 } from '@/lib/passwords/hashers/django'

import { checkUsersTable, inspectUsersTable } from '@/lib/setup/users-table'
import { checkUsersCommand } from './check-users'

let tables: OpenedUsersTables
let database: OpenedUsersTables['database']
let opened: Database
let sql: OpenedUsersTables['sql']
/** With the lowest cost that the format accepts, because tests hash and verify passwords. */
const mapping = django({ iterations: 100_000 })
const password = `gravel-${randomBytes(6).toString('hex')}`
beforeAll(async () => {
  tables = await openUsersTables({ products: ['django', 'better-auth'] })
  ;({ database, opened, sql } = tables)
  const hash = await djangoPbkdf2({ iterations: 100_000 }).hash(password)
  const shared = { email: 'crowd@example.com' }
  await tables.addDjangoUser({ ...shared, username: 'ada', password: hash })
  await tables.addDjangoUser({ ...shared, username: 'gone', password: hash, is_active: false })
  await tables.addDjangoUser({ ...shared, username: 'social', password: '!unusable' })
  await tables.addDjangoUser({ ...shared, username: 'odd', password: 'sha9$salt$xyz' })
}, 120_000)
afterAll(() => tables.close())

/** Opens the database with a role of its own, which the test drops. @param rights the statements that give it rights */
async function openAsRole(rights: (role: string) => string): Promise<{ role: string; limited: Database }> {
  const role = `rekey_test_${randomBytes(4).toString('hex')}`
  await sql.query(`CREATE ROLE "${role}" LOGIN; GRANT USAGE ON SCHEMA rekey TO "${role}"; ${rights(role)}`)
  onTestFinished(async () => void (await sql.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`)))
  const url = urlOfRole(database.url, role)
  const limited = openDatabase({ ...database, url, poolSize: 1 }, pino({ level: 'silent' }))
  onTestFinished(() => limited.close())
  return { role, limited }
}

async function check(
  users: UsersMapping,
  options: { login?: string; showSql?: boolean; password?: string } = {},
) {
  const lines: string[] = []
  const print = vi.spyOn(console, 'log').mockImplementation((line = '') => void lines.push(String(line)))
  onTestFinished(() => print.mockRestore())
  const accounts = createSqlAccountStore(opened, users)
  const code = await checkUsersCommand({
    database: opened,
    accounts,
    audit: createAuditLog(opened, accounts.identity, pino({ level: 'silent' })),
    mapping: users,
    isForeign: true,
    showSql: false,
    ...options,
  })
  print.mockRestore()
  return { code, output: lines.join('\n') }
}

const settings = (usersTableProof: 'required' | 'waived' = 'required') => ({
  database: {
    url: database.url,
    poolSize: 1,
    schemas: database.schemas,
    sharedSession: database.sharedSession,
  },
  mode: 'production' as const,
  usersTableProof,
})

const mappingWith = (options: Partial<UsersMapping>): UsersMapping => ({ ...mapping, ...options })

describe('mappings that cannot work [W1]', () => {
  test.each<[string, UsersMapping, RegExp]>([
    [
      'a missing table',
      mappingWith({ table: 'people' }),
      /users\.table: there is no table public\.people\. A table of another schema/,
    ],
    [
      'a missing column',
      mappingWith({ email: 'mail' }),
      /users\.email: public\.auth_user has no column mail; it has id, password/,
    ],
    [
      'an id of a wrong type',
      mappingWith({ id: 'is_active' }),
      /users\.id: public\.auth_user\.is_active is boolean, and an id is/,
    ],
    [
      'an id that is not unique',
      mappingWith({ id: 'email' }),
      /users\.id: auth_user has no unique index on email alone/,
    ],
    [
      'a text of a wrong type',
      mappingWith({ firstName: 'date_joined' }),
      /users\.firstName: .* is timestamp with time zone, and a text is needed/,
    ],
    [
      'a column too short for the hash',
      mappingWith({
        password: {
          column: 'first_name',
          format: { ...bcrypt({ cost: 10, version: '2b' }), longestOutput: 151 },
        },
      }),
      /users\.password\.column: .* is character varying\(150\), and the hashes of password\.format have up to 151 characters/,
    ],
    [
      'NULL for a column without NULL',
      mappingWith({ set: { email: null } }),
      /users\.set: .*\.email is .*, NOT NULL, and the mapping sets it to NULL/,
    ],
    [
      'a time for a text column',
      mappingWith({ set: { last_name: 'now' } }),
      /users\.set: .* and 'now' needs a timestamp/,
    ],
    [
      'a missing table of tokens',
      mappingWith({ end: [{ table: 'knox', user: 'user_id' }] }),
      /users\.end\.table: there is no table public\.knox/,
    ],
    ['an option without a value', mappingWith({ label: undefined as never }), /users\.label has no value/],
    [
      'a format that no stored hash has',
      mappingWith({ password: { column: 'password', format: argon2id() } }),
      /of \d+ stored hashes looked at, \d+ are in no format of the mapping .*Correct password\.format/,
    ],
  ])('%s is named by the check, by a start and by the command [W1]', async (_what, users, sentence) => {
    const { problems } = await inspectUsersTable(opened, users)
    expect(problems.join('\n')).toMatch(sentence)
    await expect(checkUsersTable(settings('waived'), users)).rejects.toThrow(sentence)
    const { code, output } = await check(users)
    expect([code, output]).toEqual([1, expect.stringMatching(sentence)])
  })

  test('one message names everything that is wrong [W1]', async () => {
    const wrong = mappingWith({
      id: 'is_active',
      email: 'mail',
      firstName: 'date_joined',
      set: { last_name: 'now' },
    })
    await expect(checkUsersTable(settings(), wrong)).rejects.toThrow(
      /users\.id: .*\n.*users\.email: .*\n.*users\.firstName: .*\n.*users\.set: /,
    )
  })

  test('a view through which no password can be written or no row deleted is named [W1]', async () => {
    await sql.query(`CREATE TABLE tokens (user_id integer);
      CREATE VIEW joined AS SELECT u.*, t.user_id FROM auth_user u LEFT JOIN tokens t ON t.user_id = u.id;
      CREATE VIEW distinct_tokens AS SELECT DISTINCT user_id FROM tokens;
      CREATE VIEW active_users AS SELECT * FROM auth_user WHERE is_active`)
    onTestFinished(async () => void (await sql.query('DROP TABLE tokens CASCADE; DROP VIEW active_users')))
    const problemsOf = async (more: Partial<UsersMapping>) =>
      (await inspectUsersTable(opened, mappingWith({ end: [], ...more }))).problems
    expect(await problemsOf({ table: 'joined' })).toEqual([
      expect.stringMatching(
        /^users\.password\.column: public\.joined\.password cannot be written through this view/,
      ),
    ])
    expect(await problemsOf({ end: [{ table: 'distinct_tokens', user: 'user_id' }] })).toEqual([
      expect.stringMatching(/^users\.end\.table: nothing can be deleted through public\.distinct_tokens/),
    ])
    expect(await problemsOf({ table: 'active_users' })).toEqual([])
  })

  test('capitals in addresses that the mapping calls lower-case are named [W1]', async () => {
    await sql.query(
      `INSERT INTO "user" ("id", "name", "email", "emailVerified") VALUES ('x', '', 'Ada@example.com', true)`,
    )
    expect((await inspectUsersTable(opened, betterAuth())).problems).toEqual([
      expect.stringContaining("users.emailStored is 'lowercase', and public.user.email has capitals"),
    ])
    await sql.query(`DELETE FROM "user"`)
  })

  test('a mapping with an empty pepper, an unknown value of an option, or of Django without version and iterations, throws an error [W6]', () => {
    expect(() => devise({ pepper: undefined as never })).toThrow(
      'The option pepper of devise() has no value.',
    )
    expect(() => devise({ pepper: '' })).toThrow('The option pepper of devise() has no value.')
    // Configurations without types can have other values.
    expect(() => django({ version: '5.2', hasher: 'Argon2' as 'argon2' })).toThrow(
      'The option hasher of django() must be pbkdf2_sha256 or argon2, not Argon2.',
    )
    expect(() => laravel({ sessions: 'redis' as 'elsewhere' })).toThrow('sessions of laravel()')
    expect(() => betterAuth({ columns: 'Camel' as 'camel' })).toThrow('columns of betterAuth()')
    expect(() => django({})).toThrow('either version')
  })
})

test('if some stored hashes have no known format, a start warns and counts them by scheme [W1]', async () => {
  await tables.addDjangoUser({
    username: 'old',
    email: 'old@example.com',
    password: '{SSHA}w4zFUYq8sRkZ7Kp2vB1nQm',
  })
  onTestFinished(async () => void (await sql.query(`DELETE FROM auth_user WHERE username = 'old'`)))
  expect(await checkUsersTable(settings('waived'), mapping)).toContainEqual(
    expect.stringMatching(
      /^users\.password: of 4 stored hashes looked at, 2 are in no format of the mapping \(1 of 13 characters, 1 that begin with \{SSHA\}\)/,
    ),
  )
})

describe.runIf(testServer)('roles with too few rights [W4]', () => {
  test('the message has the grants that a role lacks, and with them there is no problem and a reset works [W4]', async () => {
    const users = { ...mapping, set: { last_login: 'now' as const } }
    const { role, limited } = await openAsRole(
      (name) => `GRANT SELECT, INSERT ON rekey.proven_mapping TO "${name}"`,
    )
    const [problem = '', ...more] = (await inspectUsersTable(limited, users)).problems
    expect(more).toEqual([])
    expect(problem).toMatch(/GRANT SELECT \("id", "email", "username"[^)]*(?<!"last_login")\)/)
    expect(problem).toContain(`UPDATE ("password", "last_login") ON "public"."auth_user" TO ${role};`)
    await sql.query(problem.slice(problem.indexOf('GRANT')))
    await sql.query(`GRANT SELECT, INSERT, UPDATE ON rekey.recovery TO "${role}"`)
    expect((await inspectUsersTable(limited, users)).problems).toEqual([])
    const store = createSqlAccountStore(limited, users)
    const [account] = await store.findByLogin('ada', ['username'])
    const state = signedState(account!)
    const undone = limited.transaction(async (tx) => {
      const replaced = await store.replacePassword(tx, account!.id, state, 'a hash', { bindPassword: true })
      expect(replaced).toEqual({ endedSignIns: 0 })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
  })

  test('row-level security that hides rows is named, and with the printed policies there is no problem [W4]', async () => {
    const { limited } = await openAsRole(
      (name) => `GRANT SELECT ON ALL TABLES IN SCHEMA rekey TO "${name}";
        GRANT ALL ON auth_user, authtoken_token TO "${name}"; ALTER TABLE auth_user ENABLE ROW LEVEL SECURITY`,
    )
    onTestFinished(async () => void (await sql.query('ALTER TABLE auth_user DISABLE ROW LEVEL SECURITY')))
    const [problem = ''] = (await inspectUsersTable(limited, mapping)).problems
    expect(problem).toMatch(/^Row-level security on public\.auth_user hides rows/)
    await sql.query(problem.slice(problem.indexOf('CREATE POLICY')))
    expect((await inspectUsersTable(limited, mapping)).problems).toEqual([])
  })
})

describe('the proof that a mapping is right [W6]', () => {
  test('production starts only after a known password was verified with the same mapping [W6]', async () => {
    await expect(checkUsersTable(settings(), mapping)).rejects.toThrow(
      'npm run accounts -- check LOGIN --password-stdin',
    )
    expect(await checkUsersTable(settings('waived'), mapping)).toEqual(expect.any(Array))
    expect(await check(mapping, { login: 'ada', password: 'another one' })).toMatchObject({ code: 1 })
    await expect(checkUsersTable(settings(), mapping)).rejects.toThrow('No password has been verified')

    const { code, output } = await check(mapping, { login: 'ada', password })
    expect([code, output]).toEqual([0, expect.stringContaining('Production may start.')])
    await checkUsersTable(settings(), mapping)
    await expect(checkUsersTable(settings(), django({ iterations: 200_000 }))).rejects.toThrow(
      'No password has been verified',
    )
  })

  test('a password that fits proves nothing if its hash has another version or cost than a reset writes [W6]', async () => {
    await sql.query(`CREATE TABLE laravel_users (id bigint PRIMARY KEY, email text, password text)`)
    onTestFinished(async () => void (await sql.query('DROP TABLE laravel_users')))
    await sql.query(`INSERT INTO laravel_users VALUES (1, 'ada@example.com', $1)`, [
      await bcrypt({ cost: 10, version: '2y' }).hash(password),
    ])
    const written = (format: ReturnType<typeof bcrypt>): UsersMapping => ({
      table: 'laravel_users',
      id: 'id',
      email: 'email',
      active: [],
      password: { column: 'password', format },
    })
    for (const format of [bcrypt({ cost: 10, version: '2b' }), bcrypt({ cost: 11, version: '2y' })]) {
      const { code, output } = await check(written(format), { login: 'ada@example.com', password })
      expect([code, output]).toEqual([1, expect.stringContaining('your application stores it as $2y$10$*53')])
    }
    const right = written(bcrypt({ cost: 10, version: '2y' }))
    expect(await check(right, { login: 'ada@example.com', password })).toMatchObject({ code: 0 })
    // Beyond 72 bytes, a wrong pepper would not be noticed.
    const { code, output } = await check(right, { login: 'ada@example.com', password: password.repeat(4) })
    expect([code, output]).toEqual([1, expect.stringContaining('of 32 bytes at most')])
  })

  test('a password that fits an older format of the product proves nothing [W6]', async () => {
    const users = django({ iterations: 100_000, hasher: 'argon2' })
    const { code, output } = await check(users, { login: 'ada', password })
    expect([code, output]).toEqual([1, expect.stringContaining('it proves nothing about argon2')])
  })
})

test('with a login, the command says which accounts would get an email and why others would not [W1]', async () => {
  const { output } = await check(mapping, { login: 'crowd@example.com' })
  const verdicts = Object.fromEntries(
    [...output.matchAll(/^\d+ {2}(\w+): (.*)$/gm)].map(([, name, verdict]) => [name, verdict]),
  )
  expect(verdicts).toEqual({
    ada: 'gets an email',
    gone: 'no email, because it is not active (users.active)',
    social: 'no email, because it has no password of its own',
    odd: 'no email, because its stored hash is in no format of the mapping',
  })
  expect((await check(mapping, { login: 'nobody' })).code).toBe(1)
})

test('with --sql, the command prints a trigger and statements that the database can run [W4]', async () => {
  for (const users of [mapping, betterAuth()]) {
    const { output } = await check(users, { showSql: true })
    const statements = output.split('\n').filter((line) => /^(SELECT|WITH|UPDATE|DELETE|INSERT) /.test(line))
    expect(statements.length).toBeGreaterThan(6)
    for (const statement of statements)
      await sql.query(`PREPARE checked AS ${statement}`).then(() => sql.query('DEALLOCATE checked'))
    await sql.query('BEGIN')
    await sql.query(/^CREATE FUNCTION[^]*?\n\n/m.exec(output)![0])
    await sql.query('ROLLBACK')
  }
})

test('the command says that an account with several hashes gets no email [W1]', async () => {
  const hash = `${'a'.repeat(32)}:${'b'.repeat(128)}`
  await sql.query(
    `INSERT INTO "user" ("id", "name", "email", "emailVerified") VALUES ('x', '', 'two@example.com', true)`,
  )
  onTestFinished(async () => void (await sql.query(`DELETE FROM account; DELETE FROM "user"`)))
  for (const id of ['one', 'two'])
    await sql.query(
      `INSERT INTO account ("id", "accountId", "providerId", "userId", "password", "updatedAt") VALUES ($1, 'x', 'credential', 'x', $2, now())`,
      [id, hash],
    )
  const { output } = await check(betterAuth(), { login: 'two@example.com' })
  expect(output).toContain('no email, because several rows hold a hash of it')
})

test('with the printed trigger, a link does not become valid again when a changed address is restored [T5, W4]', async () => {
  const store = createSqlAccountStore(opened, mapping)
  const [before] = await store.findByLogin('ada', ['username'])
  const isStateRestored = async () => {
    for (const email of ['else@example.com', before!.email])
      await sql.query(`UPDATE auth_user SET email = $1 WHERE username = 'ada'`, [email])
    return isDeepStrictEqual(signedState((await store.read(before!.id)).account!), signedState(before!))
  }
  expect(await isStateRestored()).toBe(true)
  const { output } = await check(mapping, { showSql: true })
  const [trigger = ''] = /^CREATE FUNCTION[^]*?\n\n/m.exec(output) ?? []
  await sql.query(trigger)
  onTestFinished(async () => {
    await sql.query('DROP TRIGGER rekey_revoke_links ON auth_user; DELETE FROM rekey.recovery')
  })
  // Other changes of a row, such as the time of a sign-in, revoke no links.
  await sql.query(`UPDATE auth_user SET last_login = now() WHERE username = 'ada'`)
  expect((await store.read(before!.id)).account!.linksEpoch).toBe(0)
  expect(await isStateRestored()).toBe(false)
})

test('a hash that Rekey itself wrote proves nothing [W6]', async () => {
  const [account] = await createSqlAccountStore(opened, mapping).findByLogin('ada', ['username'])
  const audit = createAuditLog(opened, 'public.auth_user', pino({ level: 'silent' }))
  await audit.record('changed', { accountId: account!.id })
  const { code, output } = await check(mapping, { login: 'ada', password })
  expect([code, output]).toEqual([
    1,
    expect.stringContaining('Rekey itself has set the password of this account'),
  ])
})

test('a username with a line break cannot forge a line of the output [L4]', async () => {
  const forged = `x\nok       A password was verified\u001b[2J`
  await tables.addDjangoUser({ username: forged, email: 'forger@example.com', password: '' })
  const { output } = await check(mapping, { login: 'forger@example.com' })
  expect(output).toContain('x\\u000aok')
  expect(output).not.toMatch(/^ok {7}A password was verified\u001b/m)
})

test('user columns of another type than the id are named, and so is a missing index on the owner of a hash [W1]', async () => {
  await sql.query(`CREATE TABLE people (id integer PRIMARY KEY, email text); CREATE TABLE hashes (person integer, pw text);
    CREATE TABLE logins (person uuid);
    INSERT INTO people SELECT n, n || '@example.com' FROM generate_series(1, 20000) n;
    INSERT INTO hashes SELECT n, '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b3dWRWJTmaaJObGPWc6ZSfkF60'
      FROM generate_series(1, 20000) n;
    ANALYZE people, hashes`)
  onTestFinished(async () => void (await sql.query('DROP TABLE people, hashes, logins')))
  const users: UsersMapping = {
    table: 'people',
    id: 'id',
    email: 'email',
    active: [],
    password: { column: 'pw', in: { table: 'hashes', user: 'person', where: {} }, format: argon2id() },
  }
  const problemsOf = async (more: Partial<UsersMapping> = {}) =>
    (await inspectUsersTable(opened, { ...users, ...more })).problems
  expect(await problemsOf()).toEqual([
    expect.stringContaining('users.password.in.user: hashes has about 20000 rows and no index'),
  ])
  expect(await problemsOf({ end: [{ table: 'logins', user: 'person' }] })).toEqual([
    'users.end.user: logins.person is uuid, and the id is integer.',
  ])
  await sql.query('CREATE INDEX ON hashes (person)')
  expect(await problemsOf()).toEqual([])
})

test.each(['as-typed', 'lowercase'] as const)(
  'warnings have the statements of missing indexes, and disappear after they ran (addresses %s) [W10]',
  async (emailStored) => {
    await sql.query(`CREATE TABLE members (id integer PRIMARY KEY, "Name" text, email varchar(254), pw text);
      INSERT INTO members SELECT n, 'user' || n, n || '@example.com',
        '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b3dWRWJTmaaJObGPWc6ZSfkF60' FROM generate_series(1, 20000) n;
      ANALYZE members`)
    onTestFinished(async () => void (await sql.query('DROP TABLE members')))
    const users = usersTable({
      table: 'members',
      id: 'id',
      username: 'Name',
      email: 'email',
      emailStored,
      active: [],
      password: { column: 'pw', format: argon2id() },
    })
    const warnings = async () =>
      (await inspectUsersTable(opened, users)).warnings.filter((warning) => !warning.includes('ends nothing'))
    const [address, username, ...more] = await warnings()
    const folded = emailStored === 'lowercase' ? '"email"' : 'lower("email"::text COLLATE "C")'
    expect([address, username, more]).toEqual([
      `A look-up of an address reads all of about 20000 rows of members; an index makes it fast: CREATE INDEX CONCURRENTLY ON "public"."members" (${folded});`,
      'A look-up of a username reads all of about 20000 rows of members; an index makes it fast: CREATE INDEX CONCURRENTLY ON "public"."members" ("Name");',
      [],
    ])
    for (const warning of [address!, username!])
      await sql.query(warning.slice(warning.indexOf('CREATE INDEX')).replace(' CONCURRENTLY', ''))
    expect(await warnings()).toEqual([])
  },
)

test('of a stored value in no known format, only its length is printed [L3]', async () => {
  await sql.query(`CREATE TABLE plain (id integer PRIMARY KEY, email text, tenant text, pw text)`)
  onTestFinished(async () => void (await sql.query('DROP TABLE plain')))
  await sql.query(
    `INSERT INTO plain VALUES (1, 'a@example.com', 'north', 'hunter2:x'), (2, 'b@example.com', 'south', '$1$abc$x')`,
  )
  const users = usersTable({
    table: 'plain',
    id: 'id',
    email: 'email',
    only: [{ column: 'tenant', is: 'north' }],
    active: [],
    password: { column: 'pw', format: argon2id() },
  })
  const { problems } = await inspectUsersTable(opened, users)
  expect(problems).toEqual([expect.stringContaining('(1 of 9 characters)')])
})

test('a warning names tables of tokens that a reset does not end [W10]', async () => {
  await sql.query('CREATE TABLE oauth2_provider_accesstoken (user_id integer)')
  const { warnings } = await inspectUsersTable(opened, mapping)
  expect(warnings).toEqual(
    expect.arrayContaining([
      expect.stringContaining('public.oauth2_provider_accesstoken (django-oauth-toolkit)'),
    ]),
  )
  await sql.query('DROP TABLE oauth2_provider_accesstoken')
})

test('a valid mapping is used as the team wrote it', () => expect(usersTable(mapping)).toBe(mapping))
