import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { exerciseWholeFlow, openInstallation, expectPurgeOnTime } from '@/e2e/support/installation'

let database: TestDatabase
let sql: pg.Client
beforeAll(async () => {
  database = await createMigratedDatabase()
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
}, 120_000)
afterAll(async () => {
  await sql.end()
  await database.drop()
})

type Session = Record<string, string>

/** Sets the defaults of all later sessions. The embedded database has one session, which all clients share. */
async function setDefaults(session: Session): Promise<void> {
  for (const [name, value] of Object.entries(session)) {
    if (database.kind === 'embedded') await sql.query(`SELECT set_config($1, $2, false)`, [name, value])
    else
      await sql.query(
        // A list of schemas is not a string.
        `ALTER DATABASE ${pg.escapeIdentifier(sql.database!)} SET ${name} = ${name === 'search_path' ? value : pg.escapeLiteral(value)}`,
      )
  }
}

let toReset: string[] = []
afterEach(async () => {
  for (const name of toReset) {
    if (database.kind === 'embedded') await sql.query(`RESET ${name}`)
    else await sql.query(`ALTER DATABASE ${pg.escapeIdentifier(sql.database!)} RESET ${name}`)
  }
})

async function expectNormalDay(session: Session): Promise<void> {
  toReset = Object.keys(session)
  await setDefaults(session)
  const installation = await openInstallation(database)
  try {
    const { rows } = await installation.services.database.pool.query<{ value: string }>(
      'SELECT current_setting(name) AS "value" FROM unnest($1::text[]) AS name',
      [Object.keys(session)],
    )
    // Rekey does not change the session, because a team's functions and triggers run in it.
    expect(rows.map(({ value }) => value)).toEqual(Object.values(session))
    await exerciseWholeFlow(installation)
    await expectPurgeOnTime(installation, installation.services.database.pool)
  } finally {
    await installation.close()
  }
}

describe('settings of database sessions [V1]', () => {
  test.each([
    'Pacific/Kiritimati',
    'Pacific/Chatham',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Asia/Kolkata',
    'Europe/Berlin',
    'Africa/Casablanca',
    'America/St_Johns',
    'America/New_York',
    'America/Los_Angeles',
    'Pacific/Marquesas',
    'Etc/GMT+12',
  ])('a reset, its expiry, history and purge work in the time zone %s', (TimeZone) =>
    expectNormalDay({ TimeZone }),
  )

  test.each(['SQL, DMY', 'German, DMY', 'Postgres, MDY'])(
    'a reset, its expiry, history and purge work in the date style %s',
    (DateStyle) => expectNormalDay({ DateStyle, TimeZone: 'America/Sao_Paulo' }),
  )

  test('a reset, its expiry, history and purge work with other settings of formats', () =>
    expectNormalDay({
      TimeZone: 'Asia/Tehran',
      IntervalStyle: 'iso_8601',
      extra_float_digits: '-15',
      bytea_output: 'escape',
      xmlbinary: 'hex',
      quote_all_identifiers: 'on',
    }))

  test('a reset, its expiry, history and purge work when the search path has tables of the same names', async () => {
    await sql.query(`CREATE SCHEMA decoys; CREATE TABLE decoys.users (id int); CREATE TABLE decoys.recovery (id int);
      CREATE TABLE decoys.limits (id int); CREATE TABLE decoys.audit (id int); CREATE TABLE decoys.job (id int);
      CREATE TABLE decoys.queue (id int); CREATE TABLE decoys._prisma_migrations (id int)`)
    await expectNormalDay({ search_path: 'decoys, rekey_queue' })
  })

  test.each(['repeatable read', 'serializable'])(
    'a reset, its expiry, history and purge work at the default isolation "%s" [V10]',
    (isolation) => expectNormalDay({ default_transaction_isolation: isolation }),
  )
})
