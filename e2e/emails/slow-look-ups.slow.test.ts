import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openInstallation, requestLink, type Installation } from '@/e2e/support/installation'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { django } from '@/lib/accounts/presets/django'
import { maxCostlyAttempts } from '@/lib/queue/worker'
import { migrate } from '@/lib/setup/migrate'

// On the embedded database, clients share one session, so a lock on the users table makes no look-up wait.

describe.runIf(testServer)('a request whose look-up takes too long', () => {
  let database: TestDatabase
  let sql: pg.Client
  let installation: Installation
  beforeAll(async () => {
    database = await createTestDatabase()
    await migrate(database, { ownsUsers: false })
    sql = new pg.Client({ connectionString: database.url })
    await sql.connect()
    await sql.query(readFileSync('scripts/demo-users/django.sql', 'utf8'))
    installation = await openInstallation(database, {}, { users: django({ version: '5.2' }) })
  })
  afterAll(async () => {
    await installation?.close()
    await sql?.end()
    await database?.drop()
  })

  async function addUser(): Promise<string> {
    const username = `user-${randomBytes(6).toString('hex')}`
    await sql.query(
      `INSERT INTO auth_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, date_joined)
       VALUES ($1, $2, '', '', 'pbkdf2_sha256$1000000$frerlHE8nbRlTMHfn5d2ov$TJo0SUefVYMBLtJc/W+evsjqu8Mu6Qg4K4G8R4fGoA8=', true, false, false, now())`,
      [username, `${username}@example.com`],
    )
    return `${username}@example.com`
  }

  type Job = { id: string; state: string; output: { reason: string; costly: number } }
  const jobOf = async (login: string): Promise<Job> =>
    (
      await sql.query(
        `SELECT id, state, output FROM rekey_queue.job WHERE name = 'link-request' AND data->'target'->>'login' = $1`,
        [login],
      )
    ).rows[0]
  const untilState = (login: string, state: string) =>
    vi.waitFor(async () => expect((await jobOf(login)).state).toBe(state), { timeout: 40_000, interval: 200 })

  async function whileLocked(login: string, rest: () => Promise<void> = async () => undefined) {
    await sql.query('BEGIN')
    await sql.query('LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE')
    await requestLink(installation, login)
    await untilState(login, 'retry')
    await rest()
    await sql.query('COMMIT')
  }

  /** Tries a job again without its delay. Another request wakes the worker. */
  async function retryNow(login: string, costly: number): Promise<void> {
    await installation.services.database.pool.query(
      `UPDATE rekey_queue.job SET start_after = now() - interval '1 second', output = output || $2 WHERE id = $1`,
      [(await jobOf(login)).id, { costly }],
    )
    await requestLink(installation, `nobody-${randomBytes(6).toString('hex')}`)
  }

  test('a request whose look-up times out is tried again later, and its email arrives [W10]', async () => {
    const email = await addUser()
    await whileLocked(email)
    expect((await jobOf(email)).output).toMatchObject({ reason: 'look-up-timed-out', costly: 1 })
    await retryNow(email, 1)
    expect((await installation.sink.next(email)).recipients).toEqual([email])
    await untilState(email, 'completed')
  })

  test('a request whose look-up times out at every attempt is recorded as a failure, without its login [W10]', async () => {
    const email = await addUser()
    await whileLocked(email, async () => {
      await retryNow(email, maxCostlyAttempts - 1)
      await untilState(email, 'failed')
    })
    const { rows } = await sql.query<{ reason: string; row: string }>(
      `SELECT reason, a::text AS "row" FROM rekey.audit a WHERE event = 'authn_token_undelivered'`,
    )
    expect(rows.map(({ reason }) => reason)).toEqual(['link-request look-up-timed-out'])
    expect(rows[0]!.row).not.toContain(email.split('@')[0])
    expect(installation.sink.countTo(email)).toBe(0)
  })
})
