import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeDatabaseUrl } from '@/lib/config/database-url'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { migrate } from '@/lib/setup/migrate'
import { startEmbeddedDatabase } from '@/scripts/embedded-database/embedded-database'
import { runCommand } from '@/e2e/support/run-command'
import { newPassword } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'

let database: TestDatabase
let sql: pg.Pool
beforeAll(async () => {
  database = await createMigratedDatabase()
  sql = new pg.Pool({ connectionString: database.url, max: 1 })
})
afterAll(async () => {
  await sql?.end()
  await database?.drop()
})

/** Checks that the first error line names the database, and leaves that line out. */
async function accounts(args: string[], input = '') {
  const { errors, ...rest } = await run({ DATABASE_URL: database.url }, args, input)
  const [first, ...others] = errors.split('\n')
  expect(first).toBe(`Database: ${describeDatabaseUrl(database.url)}`)
  return { ...rest, errors: others.join('\n') }
}

async function run(env: Record<string, string>, args: string[], input = '') {
  const { code, output, errors } = await runCommand(['accounts', ...args], env, { input })
  return { code, output: output.trim(), errors: errors.trim() }
}

test('adding an account rejects a taken username, and accepts a taken address in any case with a note [I6]', async () => {
  const add = (username: string, email: string) =>
    accounts(['add', username, email, '--password-stdin'], newPassword())
  const stored = async () =>
    (await sql.query(`SELECT * FROM "rekey"."users" WHERE "email" ILIKE 'ada@%'`)).rows

  expect(await add('ada', 'ada@example.com')).toEqual({ code: 0, output: 'Added ada.', errors: '' })
  const before = await stored()
  expect(before).toMatchObject([{ username: 'ada', email: 'ada@example.com', is_active: true }])
  const refused = { code: 2, output: '', errors: 'This username is taken.' }
  expect(await add('ada', 'ada@example.org')).toEqual(refused)
  expect(await stored()).toEqual(before)
  expect(await add('twin', 'ADA@EXAMPLE.COM')).toEqual({
    code: 0,
    output: 'Added twin.',
    errors: 'Note: 1 other account(s) have this address; each gets its own email.',
  })
  expect(await stored()).toHaveLength(2)
})

test('adding an account notes an address that needs SMTPUTF8 and rejects a look-alike address [M11]', async () => {
  const add = (username: string, email: string) =>
    accounts(['add', username, email, '--password-stdin'], newPassword())
  expect(await add('jose', 'josé@MÜLLER.example')).toEqual({
    code: 0,
    output: 'Added jose.',
    errors: 'Note: this address gets email only if the mail server offers SMTPUTF8.',
  })
  expect(await add('zoe', 'zoe@MÜLLER.example')).toEqual({ code: 0, output: 'Added zoe.', errors: '' })
  expect(await add('wide', '\uFF4Dike@example.com')).toMatchObject({ code: 2, output: '' })
})

test('adding an account rejects a username or an address that is too long for a request [I6]', async () => {
  const refusal = async (username: string, email: string) => {
    const { code, errors } = await accounts(['add', username, email])
    return [code, errors]
  }
  const username = 'A username has 1 to 150 characters, no control characters and no outer spaces.'
  expect(await refusal('u'.repeat(151), 'long@example.com')).toEqual([2, username])
  const email = `${'l'.repeat(64)}@${`${'d'.repeat(60)}.`.repeat(4)}example`
  expect(await refusal('long', email)).toEqual([2, `No email could be sent to the address "${email}".`])
  expect((await sql.query(`SELECT FROM "rekey"."users" WHERE "email" = 'long@example.com'`)).rowCount).toBe(0)
})

test('the verify command accepts only the right password for the exact username [I6]', async () => {
  const password = newPassword()
  await accounts(['add', 'grace', 'grace@example.com', '--password-stdin'], password)
  const verify = async (username: string, typed: string) => {
    const { code, output } = await accounts(['verify', username], typed)
    return [code, output]
  }
  expect(await verify('grace', `${password}\n`)).toEqual([0, 'This is the password.'])
  expect(await verify('grace', `${password}.`)).toEqual([1, 'This is not the password.'])
  expect(await verify('GRACE', password)).toEqual([1, 'This is not the password.'])
})

test('the command lists, deactivates and activates an account by its exact username [I6]', async () => {
  await accounts(['add', 'joan', 'joan@example.com'])
  const status = async () => /^joan +joan@example\.com +(\w+) /m.exec((await accounts(['list'])).output)?.[1]
  expect(await accounts(['deactivate', 'joan'])).toMatchObject({
    code: 0,
    output: 'joan is inactive; its links are invalid.',
  })
  expect(await status()).toBe('inactive')
  expect(await accounts(['activate', 'JOAN'])).toMatchObject({
    code: 2,
    errors: 'There is no account "JOAN".',
  })
  expect(await accounts(['activate', 'joan'])).toMatchObject({ code: 0, output: 'joan is active.' })
  expect(await status()).toBe('active')
})

test('without DATABASE_URL, the command uses the demo’s database, and without a demo it says what to set [K1]', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-none-'))
  try {
    expect(await run({ DATA_DIR: dataDir }, ['list'])).toEqual({
      code: 2,
      output: '',
      errors: expect.stringMatching(
        /^DATABASE_URL is not set, .* set DATABASE_URL, or set DATA_DIR to [^\n]*$/,
      ),
    })
    expect(readdirSync(dataDir)).toEqual([])

    // While a demo runs, the command uses its database.
    const demo = await startEmbeddedDatabase(dataDir)
    await migrate({ ...demo, schemas: defaultSchemaNames })
    const listed = {
      code: 0,
      output: 'There are no accounts.',
      errors: `Database: the demo's in ${dataDir}`,
    }
    expect(await run({ DATA_DIR: dataDir }, ['list'])).toEqual(listed)
    await demo.close()
    expect(await run({ DATA_DIR: dataDir }, ['list'])).toEqual(listed)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('the command closes a demo’s database that it cannot migrate, and ends with an error [F13]', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-broken-'))
  try {
    const demo = await startEmbeddedDatabase(dataDir)
    await migrate({ ...demo, schemas: defaultSchemaNames })
    const client = new pg.Client({ connectionString: demo.url })
    await client.connect()
    await client.query(`UPDATE "rekey"."_prisma_migrations" SET "checksum" = 'another'`)
    await client.end()
    await demo.close()
    const { code, errors, output } = await run({ DATA_DIR: dataDir }, ['list'])
    expect([code, output]).toEqual([1, ''])
    expect(errors).toMatch(/was edited after it was applied/)
    await (await startEmbeddedDatabase(dataDir)).close() // It can be opened, so the command closed it.
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
