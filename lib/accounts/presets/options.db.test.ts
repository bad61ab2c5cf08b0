import { afterAll, beforeAll, expect, test } from 'vitest'
import { differences, readRows } from '@/e2e/peers/rows'
import { openUsersTables, type OpenedUsersTables } from '@/e2e/support/opened-users-tables'
import { isResettable, signedState } from '@/lib/accounts/account'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import type { UsersMapping } from '@/lib/accounts/users-table'

import { bcrypt } from '@/lib/passwords/hashers/bcrypt'

import { inspectUsersTable } from '@/lib/setup/users-table'
import { authJs } from './auth-js'
import { betterAuth } from './better-auth'
import { devise } from './devise'
import { django } from './django'
import { laravel } from './laravel'
import { rails } from './rails'

let tables: OpenedUsersTables
let opened: OpenedUsersTables['opened']
let sql: OpenedUsersTables['sql']
beforeAll(async () => {
  tables = await openUsersTables()
  ;({ opened, sql } = tables)
}, 120_000)
afterAll(() => tables.close())

const bcryptHash = `$2a$12$${'a'.repeat(53)}`
const scryptHash = `${'a'.repeat(32)}:${'b'.repeat(128)}`
const pbkdf2Hash = 'pbkdf2_sha256$1000000$frerlHE8nbRlTMHfn5d2ov$TJo0SUefVYMBLtJc/W+evsjqu8Mu6Qg4K4G8R4fGoA8='
const uuid = '0190a000-0000-7000-8000-000000000001'

/** As docs/users-tables.md says for a model without these columns. */
function withoutProfile(): UsersMapping {
  const {
    firstName: _,
    lastName: __,
    createdAt: ___,
    ...users
  } = django({
    ...{ version: '5.2', table: 'one.accounts_user', username: 'email', tokens: ['knox_authtoken'] },
  })
  return { ...users, active: [] }
}

test.each<[string, UsersMapping, id: string, statements: string, changed: string[]]>([
  [
    'Django with a user model of the project',
    withoutProfile(),
    uuid,
    `CREATE TABLE one.accounts_user (id uuid PRIMARY KEY, email varchar(254) UNIQUE, password varchar(128));
     CREATE TABLE one.knox_authtoken (digest text PRIMARY KEY, user_id uuid);
     INSERT INTO one.accounts_user VALUES ('${uuid}', 'Ada@example.com', '${pbkdf2Hash}');
     INSERT INTO one.knox_authtoken VALUES ('token', '${uuid}'), ('other', gen_random_uuid())`,
    [`one.accounts_user ${uuid}: password`, 'one.knox_authtoken token: gone'],
  ],
  [
    'better-auth with the columns of its Drizzle generator',
    betterAuth({ columns: 'snake', schema: 'two', requireEmailVerification: true }),
    'a',
    `CREATE TABLE two.user (id text PRIMARY KEY, name text, email text UNIQUE, email_verified boolean, created_at timestamp);
     CREATE TABLE two.account (id text PRIMARY KEY, provider_id text, user_id text, password text, updated_at timestamp);
     CREATE TABLE two.session (id text PRIMARY KEY, user_id text);
     CREATE TABLE two.verification (id text PRIMARY KEY, identifier text, value text);
     INSERT INTO two.user VALUES ('a', 'Ada', 'ada@example.com', true), ('b', 'Bo', 'bo@example.com', false);
     INSERT INTO two.account SELECT id, 'credential', id, '${scryptHash}' FROM two.user;
     INSERT INTO two.session SELECT id, id FROM two.user;
     INSERT INTO two.verification VALUES ('1', 'reset-password:x', 'a'), ('2', 'email-verification:x', 'a')`,
    ['two.account a: password, updated_at', 'two.session a: gone', 'two.verification 1: gone'],
  ],
  [
    'Devise with an unconfirmed address and a remember token',
    devise({ table: 'three.members', reconfirmable: true, rememberToken: true }),
    '1',
    `CREATE TABLE three.members (id bigint PRIMARY KEY, email varchar UNIQUE, encrypted_password varchar, created_at timestamp,
       updated_at timestamp, reset_password_token varchar, reset_password_sent_at timestamp, unconfirmed_email varchar,
       remember_token varchar);
     INSERT INTO three.members VALUES (1, 'ada@example.com', '${bcryptHash}', now(), now() - interval '1 day', 'x', now(), 'y', 'z')`,
    [
      'three.members 1: encrypted_password, remember_token, reset_password_sent_at, reset_password_token, unconfirmed_email, updated_at',
    ],
  ],
  [
    'Rails with tables of other names',
    rails({ table: 'four.accounts', sessions: 'logins' }),
    '1',
    `CREATE TABLE four.accounts (id bigint PRIMARY KEY, email_address varchar UNIQUE, password_digest varchar, created_at timestamp,
       updated_at timestamp);
     CREATE TABLE four.logins (id bigint PRIMARY KEY, user_id bigint);
     INSERT INTO four.accounts VALUES (1, 'ada@example.com', '${bcryptHash}', now(), now() - interval '1 day');
     INSERT INTO four.logins VALUES (7, 1), (8, 2)`,
    ['four.accounts 1: password_digest, updated_at', 'four.logins 7: gone'],
  ],
  [
    'Laravel 9 with sessions elsewhere',
    laravel({ table: 'five.users', sessions: 'elsewhere' }),
    '1',
    `CREATE TABLE five.users (id bigint PRIMARY KEY, name varchar(255), email varchar(255) UNIQUE, password varchar(255),
       remember_token varchar(100), created_at timestamp(0), updated_at timestamp(0));
     CREATE TABLE five.password_resets (email varchar(255) PRIMARY KEY, token varchar(255));
     INSERT INTO five.users VALUES (1, 'Ada', 'ada@example.com', '${bcryptHash}', 'remembered');
     INSERT INTO five.password_resets VALUES ('ada@example.com', 'x'), ('else@example.com', 'x')`,
    ['five.password_resets ada@example.com: gone', 'five.users 1: password, remember_token, updated_at'],
  ],
  [
    'Auth.js on the example of Next.js',
    authJs({
      table: 'six.users',
      password: 'password',
      format: bcrypt({ cost: 10, version: '2b' }),
      createdAt: 'joined',
    }),
    uuid,
    `CREATE TABLE six.users (id uuid PRIMARY KEY, name varchar(255), email text UNIQUE, password text, joined timestamptz);
     INSERT INTO six.users VALUES ('${uuid}', 'Ada', 'Ada@example.com', '${bcryptHash}', now())`,
    [`six.users ${uuid}: password`],
  ],
])(
  'with %s, the check finds no problem and a reset changes only the documented columns [W1, W3]',
  async (_what, mapping, id, statements, changed) => {
    await sql.query({ text: `CREATE SCHEMA ${mapping.table.split('.')[0]}` })
    await sql.query({ text: statements })
    expect((await inspectUsersTable(opened, mapping)).problems).toEqual([])

    const store = createSqlAccountStore(opened, mapping)
    expect(await store.findIdsByEmail('ada@EXAMPLE.com')).toEqual([id])
    const { account } = await store.read(id)
    expect([isResettable(account!), account!.username]).toEqual([true, ''])
    const before = await readRows(sql)
    await opened.transaction((tx) =>
      store.replacePassword(tx, id, signedState(account!), 'a new hash', { bindPassword: true }),
    )
    expect(differences(before, await readRows(sql))).toEqual(changed)
  },
)

test('if better-auth requires a verified address, an account without one gets no email [W5]', async () => {
  const mapping = betterAuth({ columns: 'snake', schema: 'two', requireEmailVerification: true })
  expect(await createSqlAccountStore(opened, mapping).findIdsByEmail('bo@example.com')).toEqual([])
  const lenient = betterAuth({ columns: 'snake', schema: 'two' })
  expect(await createSqlAccountStore(opened, lenient).findIdsByEmail('bo@example.com')).toEqual(['b'])
})
