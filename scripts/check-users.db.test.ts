import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { linkState } from '@/lib/accounts/account'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { devise } from '@/lib/accounts/presets/devise'
import { django } from '@/lib/accounts/presets/django'
import { usersTable, type UsersMapping } from '@/lib/accounts/users-table'
import { createAuditLog } from '@/lib/audit/audit'
import { openDatabase, type Database } from '@/lib/database/pool'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { djangoPbkdf2 } from '@/lib/passwords/hashers/django'
import { migrate } from '@/lib/setup/migrate'
import { checkUsersTable, inspectUsersTable } from '@/lib/setup/users-table'
import { checkUsersCommand } from './check-users'

// What an operator is told of a mapping, by the command and at the start.

let database: TestDatabase
let opened: Database
let sql: pg.Client
/** The cost that tests can afford. */
const mapping = django({ iterations: 100_000 })
const password = `gravel-${randomBytes(6).toString('hex')}`
beforeAll(async () => {
  database = await createTestDatabase()
  await migrate(database, { ownsUsers: false })
  opened = openDatabase({ ...database, poolSize: 4 }, pino({ level: 'silent' }))
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  for (const product of ['django', 'better-auth'])
    await sql.query(readFileSync(`scripts/demo-users/${product}.sql`, 'utf8'))
  const hash = await djangoPbkdf2({ iterations: 100_000 }).hash(password)
  const add = (username: string, stored: string, isActive = true) =>
    sql.query(
      `INSERT INTO auth_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, date_joined)
       VALUES ($1, 'crowd@example.com', '', '', $2, $3, false, false, now())`,
      [username, stored, isActive],
    )
  await add('ada', hash)
  await add('gone', hash, false)
  await add('social', '!unusable')
  await add('odd', 'sha9$salt$xyz')
}, 120_000)
afterAll(async () => {
  await sql.end()
  await opened.close()
  await database.drop()
})

/** What the command prints, and its exit code. */
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

const people = (more: Partial<UsersMapping>): UsersMapping => ({ ...mapping, ...more })

describe('a mapping that cannot work is told in one message [W1]', () => {
  test.each<[string, UsersMapping, RegExp]>([
    [
      'a missing table',
      people({ table: 'people' }),
      /users\.table: there is no table public\.people\. A table of another schema/,
    ],
    [
      'a missing column',
      people({ email: 'mail' }),
      /users\.email: public\.auth_user has no column mail; it has id, password/,
    ],
    [
      'an id that is no id',
      people({ id: 'is_active' }),
      /users\.id: public\.auth_user\.is_active is boolean, and an id is/,
    ],
    [
      'an id that is not unique',
      people({ id: 'email' }),
      /users\.id: auth_user has no unique index on email alone/,
    ],
    [
      'a text that is none',
      people({ firstName: 'date_joined' }),
      /users\.firstName: .* is timestamp with time zone, and a text is needed/,
    ],
    [
      'a column too short for the hash',
      people({
        password: {
          column: 'first_name',
          format: { ...bcrypt({ cost: 10, version: '2b' }), longestOutput: 151 },
        },
      }),
      /users\.password\.column: .* is character varying\(150\), and the hashes of password\.format have up to 151 characters/,
    ],
    [
      'NULL where none may be',
      people({ set: { email: null } }),
      /users\.set: .*\.email is .*, NOT NULL, and the mapping sets it to NULL/,
    ],
    [
      'a time into a text',
      people({ set: { last_name: 'now' } }),
      /users\.set: .* and 'now' needs a timestamp/,
    ],
    [
      'tokens that are not there',
      people({ end: [{ table: 'knox', user: 'user_id' }] }),
      /users\.end\.table: there is no table public\.knox/,
    ],
    ['an option without a value', people({ label: undefined as never }), /users\.label has no value/],
    [
      'a format that nothing is stored in',
      people({ password: { column: 'password', format: argon2id() } }),
      /of \d+ stored hashes looked at, \d+ are in no format of the mapping .*Correct password\.format/,
    ],
  ])('%s [W1]', async (_what, users, sentence) => {
    const { problems } = await inspectUsersTable(opened, users)
    expect(problems.join('\n')).toMatch(sentence)
    await expect(checkUsersTable(settings('waived'), users)).rejects.toThrow(sentence)
    const { code, output } = await check(users)
    expect([code, output]).toEqual([1, expect.stringMatching(sentence)])
  })

  test('all that is wrong is told at once [W1]', async () => {
    const wrong = people({
      id: 'is_active',
      email: 'mail',
      firstName: 'date_joined',
      set: { last_name: 'now' },
    })
    await expect(checkUsersTable(settings(), wrong)).rejects.toThrow(
      /users\.id: .*\n.*users\.email: .*\n.*users\.firstName: .*\n.*users\.set: /,
    )
  })

  test('a view through which nothing can be written or deleted [W1]', async () => {
    await sql.query(`CREATE TABLE tokens (user_id integer);
      CREATE VIEW joined AS SELECT u.*, t.user_id FROM auth_user u LEFT JOIN tokens t ON t.user_id = u.id;
      CREATE VIEW distinct_tokens AS SELECT DISTINCT user_id FROM tokens;
      CREATE VIEW active_users AS SELECT * FROM auth_user WHERE is_active`)
    onTestFinished(async () => void (await sql.query('DROP TABLE tokens CASCADE; DROP VIEW active_users')))
    const problemsOf = async (more: Partial<UsersMapping>) =>
      (await inspectUsersTable(opened, people({ end: [], ...more }))).problems
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

  test('capitals where the mapping says that there are none [W1]', async () => {
    await sql.query(
      `INSERT INTO "user" ("id", "name", "email", "emailVerified") VALUES ('x', '', 'Ada@example.com', true)`,
    )
    expect((await inspectUsersTable(opened, betterAuth())).problems).toEqual([
      expect.stringContaining("users.emailStored is 'lowercase', and public.user.email has capitals"),
    ])
    await sql.query(`DELETE FROM "user"`)
  })

  test('an empty pepper is refused when the mapping is made [W6]', () => {
    expect(() => devise({ pepper: undefined as never })).toThrow(
      'The option pepper of devise() has no value.',
    )
    expect(() => devise({ pepper: '' })).toThrow('The option pepper of devise() has no value.')
    expect(() => django({})).toThrow('either version')
  })
})

test('where some stored hashes are in no known format, it starts and counts them by scheme [W1]', async () => {
  const add = `INSERT INTO auth_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, date_joined)
    VALUES ('old', 'old@example.com', '', '', '{SSHA}w4zFUYq8sRkZ7Kp2vB1nQm', true, false, false, now())`
  await sql.query(add)
  onTestFinished(async () => void (await sql.query(`DELETE FROM auth_user WHERE username = 'old'`)))
  expect(await checkUsersTable(settings('waived'), mapping)).toContainEqual(
    expect.stringMatching(
      /^users\.password: of 4 stored hashes looked at, 2 are in no format of the mapping \(1 of 13 characters, 1 that begin with \{SSHA\}\)/,
    ),
  )
})

describe.runIf(testServer)('a role with too few rights [W4]', () => {
  test('is told the grants, and they suffice [W4]', async () => {
    const role = `rekey_test_${randomBytes(4).toString('hex')}`
    await sql.query(
      `CREATE ROLE "${role}" LOGIN; GRANT USAGE ON SCHEMA rekey TO "${role}"; GRANT SELECT, INSERT ON rekey.proven_mapping TO "${role}"`,
    )
    onTestFinished(async () => void (await sql.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`)))
    const url = new URL(database.url)
    url.username = role
    const limited = openDatabase({ ...database, url: url.href, poolSize: 1 }, pino({ level: 'silent' }))
    onTestFinished(() => limited.close())
    const [problem = '', ...more] = (await inspectUsersTable(limited, mapping)).problems
    expect(more).toEqual([])
    expect(problem).toContain(`GRANT SELECT ("id", "email", "username"`)
    expect(problem).toContain(`UPDATE ("password") ON "public"."auth_user" TO ${role};`)
    await sql.query(problem.slice(problem.indexOf('GRANT')))
    await sql.query(`GRANT SELECT ON rekey.recovery TO "${role}"`)
    expect((await inspectUsersTable(limited, mapping)).problems).toEqual([])
  })

  test('row-level security that hides rows is refused with the policies to make [W4]', async () => {
    const role = `rekey_test_${randomBytes(4).toString('hex')}`
    await sql.query(`CREATE ROLE "${role}" LOGIN; GRANT USAGE ON SCHEMA rekey TO "${role}"; GRANT SELECT ON ALL TABLES IN SCHEMA rekey TO "${role}";
      GRANT ALL ON auth_user, authtoken_token TO "${role}"; ALTER TABLE auth_user ENABLE ROW LEVEL SECURITY`)
    onTestFinished(async () => {
      await sql.query(
        `ALTER TABLE auth_user DISABLE ROW LEVEL SECURITY; DROP OWNED BY "${role}"; DROP ROLE "${role}"`,
      )
    })
    const url = new URL(database.url)
    url.username = role
    const limited = openDatabase({ ...database, url: url.href, poolSize: 1 }, pino({ level: 'silent' }))
    onTestFinished(() => limited.close())
    const [problem = ''] = (await inspectUsersTable(limited, mapping)).problems
    expect(problem).toMatch(/^Row-level security on public\.auth_user hides rows/)
    await sql.query(problem.slice(problem.indexOf('CREATE POLICY')))
    expect((await inspectUsersTable(limited, mapping)).problems).toEqual([])
  })
})

describe('the proof [W6]', () => {
  test('production starts only once a known password was verified with this very mapping [W6]', async () => {
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

  test('a hash that differs from what a reset writes proves nothing, though the password fits [W6]', async () => {
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

  test('a password in an older format of the product proves nothing about the one that is written [W6]', async () => {
    const users = django({ iterations: 100_000, hasher: 'argon2' })
    const { code, output } = await check(users, { login: 'ada', password })
    expect([code, output]).toEqual([1, expect.stringContaining('it proves nothing about argon2')])
  })
})

test('with a login, it says which accounts would get an email and why others would not [W1]', async () => {
  const { output } = await check(mapping, { login: 'crowd@example.com' })
  const said = Object.fromEntries(
    [...output.matchAll(/^\d+ {2}(\w+): (.*)$/gm)].map(([, name, what]) => [name, what]),
  )
  expect(said).toEqual({
    ada: 'gets an email',
    gone: 'no email, because it is not active (users.active)',
    social: 'no email, because it has no password of its own',
    odd: 'no email, because its stored hash is in no format of the mapping',
  })
  expect((await check(mapping, { login: 'nobody' })).code).toBe(1)
})

test('with --sql, it prints grants, the optional trigger and the statements, which the database understands [W4]', async () => {
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

test('of an account with several hashes, it says so [W1]', async () => {
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

test('where an address is changed and put back, a link lives again, unless the printed trigger is there [T5, W4]', async () => {
  const store = createSqlAccountStore(opened, mapping)
  const [before] = await store.findByLogin('ada', ['username'])
  const isAsBefore = async () => {
    for (const email of ['else@example.com', before!.email])
      await sql.query(`UPDATE auth_user SET email = $1 WHERE username = 'ada'`, [email])
    return isDeepStrictEqual(linkState((await store.read(before!.id)).account!), linkState(before!))
  }
  expect(await isAsBefore()).toBe(true)
  const { output } = await check(mapping, { showSql: true })
  const [trigger = ''] = /^CREATE FUNCTION[^]*?\n\n/m.exec(output) ?? []
  await sql.query(trigger)
  onTestFinished(async () => {
    await sql.query('DROP TRIGGER rekey_revoke_links ON auth_user; DELETE FROM rekey.recovery')
  })
  // What else changes in a row, such as the time of a sign-in, leaves links alone.
  await sql.query(`UPDATE auth_user SET last_login = now() WHERE username = 'ada'`)
  expect((await store.read(before!.id)).account!.linksEpoch).toBe(0)
  expect(await isAsBefore()).toBe(false)
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

test('a username cannot write lines of its own into what is printed [L4]', async () => {
  const forged = `x\nok       A password was verified\u001b[2J`
  await sql.query(
    `INSERT INTO auth_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, date_joined)
     VALUES ($1, 'forger@example.com', '', '', '', true, false, false, now())`,
    [forged],
  )
  const { output } = await check(mapping, { login: 'forger@example.com' })
  expect(output).toContain('x\\u000aok')
  expect(output).not.toMatch(/^ok {7}A password was verified\u001b/m)
})

test('columns that no id can be cast to are named, and so is a missing index on the owner of a hash [W1]', async () => {
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
  'the statements of missing indexes are printed, and once they ran, nothing is left to say (%s) [W10]',
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

test('of a stored value in no known format nothing is printed but its length [L3]', async () => {
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

test('tables of tokens that nothing ends are named [W10]', async () => {
  await sql.query('CREATE TABLE oauth2_provider_accesstoken (user_id integer)')
  const { warnings } = await inspectUsersTable(opened, mapping)
  expect(warnings).toEqual(
    expect.arrayContaining([
      expect.stringContaining('public.oauth2_provider_accesstoken (django-oauth-toolkit)'),
    ]),
  )
  await sql.query('DROP TABLE oauth2_provider_accesstoken')
})

test('what a team maps is what it gets', () => expect(usersTable(mapping)).toBe(mapping))
