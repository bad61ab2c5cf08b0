import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as requestRoute from '@/app/api/v1/accounts/send-reset-password-link/route'
import { openInstallation, requestLink } from '@/e2e/support/installation'
import { isLong } from '@/e2e/support/long-form'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { median } from '@/e2e/support/time-pairs'
import { django } from '@/lib/accounts/presets/django'
import { readSettings } from '@/lib/config/settings'
import { openDatabase } from '@/lib/database/pool'
import { migrate } from '@/lib/setup/migrate'
import { inspectUsersTable } from '@/lib/setup/users-table'
import { createServices, type Services } from '@/services'
import { shared } from '@/e2e/support/endpoints'

// Only the ratio of times on a table of many rows and on one of ten rows counts. A control whose response needs a look-up
// (RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND) shows that the ratio detects a look-up.

const many = isLong ? 1_000_000 : 200_000
const few = 10
/** The largest ratio of the medians that counts as equal. */
const equal = 1.4
const users = django({ version: '5.2' })
const index = 'CREATE INDEX CONCURRENTLY ON "public"."auth_user" (lower("email"::text COLLATE "C"));'

describe.runIf(testServer)(`requests for a link, with ${many} rows in auth_user and with ${few}`, () => {
  let large: TestDatabase
  let small: TestDatabase
  beforeAll(async () => {
    large = await createUsers(many)
    small = await createUsers(few)
  }, 600_000)
  afterAll(async () => {
    await large?.drop()
    await small?.drop()
  })

  function open({ url, sharedSession }: TestDatabase, env: Record<string, string> = {}): Services {
    const settings = readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: url,
      REKEY_SHARED_SESSION: sharedSession ? 'yes' : '',
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtp://127.0.0.1:1',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      LIMIT_REQUESTS_PER_CLIENT: '1000000/1m',
      LIMIT_REQUESTS_PER_LOGIN: '1000000/1m',
      ...env,
    })
    return createServices(settings, { users })
  }

  async function timeOf(services: Services, login: string): Promise<number> {
    shared.rekeyServices = services
    const request = new Request('https://id.example.com/api/v1/accounts/send-reset-password-link/', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ login }),
    })
    const start = performance.now()
    const response = await requestRoute.POST(request)
    await response.text()
    expect(response.status).toBe(200)
    return performance.now() - start
  }

  async function ratio(ofLarge: Services, ofSmall: Services, pairs: number): Promise<number> {
    const times: [number[], number[]] = [[], []]
    for (let n = 0; n < pairs + 10; n += 1) {
      const login = `user${1 + (n % few)}@example.com`
      // Each table comes first in half of the pairs.
      for (const side of n % 2 === 0 ? [0, 1] : [1, 0]) {
        const took = await timeOf(side === 0 ? ofLarge : ofSmall, login)
        if (n >= 10) times[side]!.push(took)
      }
    }
    const [slow, fast] = [median(times[0]), median(times[1])]
    console.log(
      `${many} rows: ${slow.toFixed(2)} ms, ${few} rows: ${fast.toFixed(2)} ms, ratio ${(slow / fast).toFixed(2)}`,
    )
    return slow / fast
  }

  async function ratioWith(env: Record<string, string>, pairs: number): Promise<number> {
    const both = [open(large, env), open(small, env)] as const
    try {
      return await ratio(...both, pairs)
    } finally {
      delete shared.rekeyServices
      for (const { database } of both) await database.close()
    }
  }

  test('a link that is requested with a large users table arrives by email [W10]', async () => {
    const installation = await openInstallation(large, {}, { users })
    try {
      await requestLink(installation, `USER${many}@example.com`)
      expect((await installation.sink.next(`user${many}@example.com`)).recipients).toHaveLength(1)
    } finally {
      await installation.close()
    }
  }, 120_000)

  test('a request takes the same time with a large and a small users table, and reads neither [W10]', async () => {
    const before = await readingsOf(large)
    expect(await ratioWith({}, isLong ? 400 : 150)).toBeLessThan(equal)
    expect(await readingsOf(large)).toBe(before)
  }, 600_000)

  test('the same comparison detects the look-up of an installation that reveals unknown accounts [W10]', async () => {
    const before = await readingsOf(large)
    expect(await ratioWith({ RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true' }, 40)).toBeGreaterThan(equal)
    expect(await readingsOf(large)).toBeGreaterThan(before)
  }, 900_000)

  test('the check of the users table proposes the missing index until it exists [W10]', async () => {
    const opened = openDatabase({ ...large, poolSize: 1 }, pino({ level: 'silent' }))
    const sql = new pg.Client({ connectionString: large.url })
    await sql.connect()
    try {
      const proposals = async () => {
        const { problems, warnings } = await inspectUsersTable(opened, users)
        return [...problems, ...warnings].filter((one) => one.includes(index))
      }
      const before = await proposals()
      expect(before).toHaveLength(1)
      console.log(before[0])
      await sql.query(index)
      await sql.query('ANALYZE auth_user')
      expect(await proposals()).toEqual([])
    } finally {
      await sql.end()
      await opened.close()
    }
  }, 300_000)
})

async function createUsers(count: number): Promise<TestDatabase> {
  const database = await createTestDatabase()
  await migrate(database, { ownsUsers: false })
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  await sql.query(readFileSync('scripts/demo-users/django.sql', 'utf8'))
  await sql.query(
    `INSERT INTO auth_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, date_joined)
     SELECT 'user' || n, 'user' || n || '@example.com', 'Ada', 'Lovelace',
            'pbkdf2_sha256$1000000$frerlHE8nbRlTMHfn5d2ov$TJo0SUefVYMBLtJc/W+evsjqu8Mu6Qg4K4G8R4fGoA8=', true, false, false,
            now() - n * interval '1 second' FROM generate_series(1, $1) n`,
    [count],
  )
  await sql.query('VACUUM ANALYZE auth_user')
  await sql.end()
  return database
}

/** How often statements have read the users table. Connections must close before their reads count. */
async function readingsOf({ url }: TestDatabase): Promise<number> {
  const sql = new pg.Client({ connectionString: url })
  await sql.connect()
  try {
    const others = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
    await expect.poll(async () => (await sql.query(others)).rowCount, { timeout: 30_000 }).toBe(0)
    const { rows } = await sql.query<{ readings: string }>(
      `SELECT seq_scan + idx_scan AS "readings" FROM pg_stat_user_tables WHERE relname = 'auth_user'`,
    )
    return Number(rows[0]!.readings)
  } finally {
    await sql.end()
  }
}
