import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signedLinks } from '@/e2e/support/signed-links'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { settled } from '@/e2e/support/settled-jobs'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { cancelPath } from '@/e2e/support/endpoint-paths'

let database: TestDatabase
let sink: MailSink
let first: RunningApp
let second: RunningApp
beforeAll(async () => {
  database = await createMigratedDatabase()
  sink = await startMailSink()
  const shared = {
    SECRET_KEY: 'Vb7Kq2Zr9Lw4Xt6Np1Hy8Md3Gs5Jf0Qc',
    PUBLIC_URL: 'http://localhost:4999',
    EMAIL_COOLDOWN: '10m',
  }
  first = await startApp({ database, sink, env: shared })
  second = await startApp({ database, sink, env: shared })
})
afterAll(async () => {
  await Promise.all([first?.stop(), second?.stop()])
  await sink?.close()
  await database?.drop()
})

const used = { detail: 'Invalid signature', code: 'signature-used' }
const many = 50

const links = () => signedLinks({ url: 'http://localhost:4999', secret: first.secret, sql: first.sql })

const instance = (turn: number) => (turn % 2 === 0 ? first : second)

const sendAll = (
  bodies: object[],
  endpoint: 'reset-password' | 'send-reset-password-link' = 'reset-password',
) => Promise.all(bodies.map((body, turn) => instance(turn).post(endpoint, body)))

describe('resets with one link at the same time [C12, better-auth #9993, CVE-2026-33624, CVE-2026-43930]', () => {
  test('of 50 resets with one link and different passwords on two instances, only one succeeds and sends an email [C12, F10]', async () => {
    for (let round = 0; round < 2; round += 1) {
      const person = await first.addPerson()
      const link = await links().linkOf(person)
      const bodies = Array.from({ length: many }, () => ({ ...link, password: newPassword() }))
      const responses = await sendAll(bodies)

      const winners = bodies.filter((_, turn) => responses[turn]!.status === 200)
      expect(winners).toHaveLength(1)
      const others = responses.filter(({ status }) => status !== 200)
      expect(others.map(({ status, json }) => [status, json])).toEqual(others.map(() => [400, used]))
      expect(await first.passwordIs(person, winners[0]!.password)).toBe(true)
      await settled(first)
      expect(sink.countTo(person.email)).toBe(1)
    }
  })

  test('of 20 resets with one link and the same password, only one succeeds and sends an email [C12]', async () => {
    const person = await first.addPerson()
    const body = { ...(await links().linkOf(person)), password: newPassword() }
    const responses = await sendAll(Array.from({ length: 20 }, () => body))
    expect(responses.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(400)])
    await settled(first)
    expect(sink.countTo(person.email)).toBe(1)
  })

  test('of 20 resets with two links of one account at the same time, only one succeeds [C12, T6]', async () => {
    const person = await first.addPerson()
    const older = await links().linkOf(person, { age: 60 })
    const newer = await links().linkOf(person)
    const responses = await sendAll(
      Array.from({ length: 20 }, (_, turn) => ({
        ...(turn % 4 < 2 ? older : newer),
        password: newPassword(),
      })),
    )
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1)
    await settled(first)
    expect(sink.countTo(person.email)).toBe(1)
  })

  test('a link that is used and cancelled at the same time resets the password or does not, and never works again [C12]', async () => {
    for (let round = 0; round < 10; round += 1) {
      const person = await first.addPerson()
      const reset = { ...(await links().linkOf(person)), password: newPassword() }
      const cancel = await links().linkOf(person, { purpose: 'cancel' })
      const [changed, cancelled] = await Promise.all([
        instance(round).post('reset-password', reset),
        fetch(`${instance(round + 1).url}${cancelPath}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(cancel),
        }),
      ])
      // Cancelling succeeds in either order. The reset succeeds only if it was first.
      expect(cancelled.status).toBe(200)
      expect([200, 400]).toContain(changed.status)
      expect(await first.passwordIs(person, reset.password)).toBe(changed.status === 200)
      const again = await second.post('reset-password', { ...reset, password: newPassword() })
      expect([again.status, again.json]).toEqual([400, used])
    }
  })
})

describe('accounts that change between the check of a link and the reset [C12, CVE-2026-32700, T5]', () => {
  test.each<[string, string]>([
    ['another email address', `UPDATE "rekey"."users" SET "email" = 'new-' || "email" WHERE "id" = $1`],
    ['another password', `UPDATE "rekey"."users" SET "password" = 'set elsewhere' WHERE "id" = $1`],
    ['no password', `UPDATE "rekey"."users" SET "password" = NULL WHERE "id" = $1`],
    ['a disabled account', `UPDATE "rekey"."users" SET "is_active" = false WHERE "id" = $1`],
    [
      'another epoch of links',
      `UPDATE "rekey"."recovery" SET "links_epoch" = "links_epoch" + 1 WHERE "account_id" = $1`,
    ],
    [
      'its first epoch of links',
      `INSERT INTO "rekey"."recovery" ("account_id", "links_epoch") VALUES ($1, 1)
         ON CONFLICT ("users_table", "account_id") DO UPDATE SET "links_epoch" = 1`,
    ],
    ['a deleted account', `DELETE FROM "rekey"."users" WHERE "id" = $1`],
  ])(
    'a reset fails and sends no email if %s is committed after the check of its link [C12, CVE-2026-32700]',
    async (what, change) => {
      const person = await first.addPerson()
      if (what !== 'its first epoch of links') {
        await first.sql.query('INSERT INTO "rekey"."recovery" ("account_id") VALUES ($1)', [person.id])
      }
      const body = { ...(await links().linkOf(person)), password: newPassword() }
      const other = new pg.Client({ connectionString: database.url })
      await other.connect()
      try {
        await other.query('BEGIN')
        await other.query(change, [person.id])
        const resetting = second.post('reset-password', body)
        await untilResetWaits()
        await other.query('COMMIT')
        const response = await resetting
        expect([response.status, response.json]).toEqual([400, used])
      } finally {
        await other.end()
      }
      expect(await passwordChangedAt(person)).toBeNull()
      await settled(first)
      expect(sink.countTo(person.email)).toBe(0)
    },
  )

  /** The embedded database runs no other statement while a transaction is open, so there the reset comes afterwards. */
  async function untilResetWaits(): Promise<void> {
    if (database.kind === 'embedded') return
    const waiting = async () => {
      const { rows } = await first.sql.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return rows.length
    }
    await expect.poll(waiting, { interval: 20 }).toBe(1)
  }
})

describe('requests for links at the same time', () => {
  test('50 requests for one account by username and email address send one email within the cool-down [R2, T6]', async () => {
    const person = await first.addPerson()
    const responses = await sendAll(
      Array.from({ length: many }, (_, turn) => ({
        login: turn % 3 === 0 ? person.username : turn % 3 === 1 ? person.email : person.email.toUpperCase(),
      })),
      'send-reset-password-link',
    )
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    await settled(first)
    expect(sink.countTo(person.email)).toBe(1)
  })

  test('the emails of 50 requests are sent without pauses between polls of the queue [F1, M9]', async () => {
    const people = await Promise.all(Array.from({ length: many }, () => first.addPerson()))
    await sendAll(
      people.map(({ username }) => ({ login: username })),
      'send-reset-password-link',
    )
    await settled(first)
    expect(people.map(({ email }) => sink.countTo(email))).toEqual(people.map(() => 1))
    // A long pause shows a worker that waits for the next poll.
    const { rows } = await first.sql.query<{ pause: number }>(
      `SELECT extract(epoch FROM max("pause"))::float AS "pause" FROM (
         SELECT completed_on - lag(completed_on) OVER (ORDER BY completed_on) AS "pause" FROM rekey_queue.job
          WHERE data -> 'target' ->> 'login' = ANY ($1) OR data ->> 'accountId' = ANY ($2)) AS pauses`,
      [people.map(({ username }) => username), people.map(({ id }) => id)],
    )
    expect(rows[0]!.pause).toBeLessThan(8)
  })
})

async function passwordChangedAt(person: Person): Promise<Date | null> {
  const { rows } = await first.sql.query<{ at: Date | null }>(
    'SELECT "password_changed_at" AS "at" FROM "rekey"."users" WHERE "id" = $1',
    [person.id],
  )
  return rows[0]?.at ?? null
}
