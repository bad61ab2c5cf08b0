import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { openInstallation, type Installation } from '@/e2e/support/installation'
import { resettableAccount } from '@/e2e/support/opened-services'

// At these levels PostgreSQL rolls back a statement that waited for a changed row. The embedded database has one session.
describe.runIf(testServer).each(['repeatable read', 'serializable'])(
  'two installations at the default isolation "%s" [V10]',
  (level) => {
    let database: TestDatabase
    let sql: pg.Client
    let one: Installation
    let other: Installation
    const secret = randomBytes(32).toString('base64url')
    beforeAll(async () => {
      database = await createMigratedDatabase()
      sql = new pg.Client({ connectionString: database.url })
      await sql.connect()
      await sql.query(
        `ALTER DATABASE ${pg.escapeIdentifier(sql.database!)} SET default_transaction_isolation = '${level}'`,
      )
      const env = {
        SECRET_KEY: secret,
        LIMIT_REQUESTS_PER_CLIENT: '25/10m',
        LIMIT_RESETS_PER_CLIENT: '1000/10m',
        EMAIL_COOLDOWN: '0s',
      }
      one = await openInstallation(database, env)
      other = await openInstallation(database, env)
    }, 120_000)
    afterAll(async () => {
      await one.close()
      await other.close()
      await sql.end()
      await database.drop()
    })

    const addAccount = () => one.services.ownAccounts.add(resettableAccount(randomUUID()))
    const inTurn = <Result>(
      count: number,
      work: (installation: Installation, nth: number) => Promise<Result>,
    ) => Promise.all(Array.from({ length: count }, (_, nth) => work(nth % 2 === 0 ? one : other, nth)))
    const from = { locale: 'en', requestId: 'r', client: '203.0.113.5' }

    test('of twenty visitors racing with one link, only one gets through, and nineteen learn that it is used [T4, C12]', async () => {
      const id = await addAccount()
      const { account, now } = await one.services.accounts.read(id)
      const link = one.services.links.create('reset', id, Math.floor(now.getTime() / 1000), account!)
      const outcomes = await inTurn(20, ({ services }) =>
        services.passwordReset.completeReset({
          link,
          password: newPassword(),
          passwordConfirm: undefined,
          ...from,
          request: { client: from.client, headers: new Headers(), fields: {} },
        }),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
      expect(outcomes.filter((outcome) => !outcome.ok && outcome.code === 'signature-used')).toHaveLength(19)
    })

    test('of forty requests at once, as many are accepted as the limit allows, and each of them has a job [R1]', async () => {
      const login = randomUUID()
      const outcomes = await inTurn(40, ({ services }, nth) =>
        services.passwordReset.requestLink({
          target: { login: `${login}-${nth}` },
          ...from,
          client: '203.0.113.6',
        }),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(25)
      expect(outcomes.filter((outcome) => !outcome.ok && outcome.code === 'throttled')).toHaveLength(15)
      const { rows } = await sql.query<{ count: string }>(
        `SELECT count(*) FROM rekey_queue.job WHERE data->'target'->>'login' LIKE $1`,
        [`${login}-%`],
      )
      expect(Number(rows[0]!.count)).toBe(25)
    })

    test('of twenty jobs that reserve an email of one account, as many succeed as the limit allows [R2]', async () => {
      const id = await addAccount()
      const { emailSlots } = one.services.settings
      const reserved = await inTurn(20, ({ services }) =>
        services.recovery.reserveEmail(id, randomUUID(), new Date(Date.now() + 3_600_000), {
          limits: emailSlots,
          bypass: false,
          keepFor: 3600,
        }),
      )
      expect(reserved.filter((slot) => slot !== null)).toHaveLength(emailSlots.perAccount.count)
    })

    test('two workers send each email of thirty requests once [F10]', async () => {
      const accounts = await Promise.all(Array.from({ length: 30 }, addAccount))
      const read = await Promise.all(accounts.map((id) => one.services.accounts.read(id)))
      const emails = read.map(({ account }) => account!.email)
      await inTurn(30, ({ services }, nth) =>
        services.passwordReset.requestLink({
          target: { login: emails[nth]! },
          ...from,
          client: `203.0.113.${100 + nth}`,
        }),
      )
      const sent = () => emails.map((email) => one.sink.countTo(email) + other.sink.countTo(email))
      await expect.poll(sent, { timeout: 30_000 }).toEqual(emails.map(() => 1))
      const states = async () => {
        const { rows } = await sql.query(
          `SELECT state, count(*)::int FROM rekey_queue.job
           WHERE name = 'link-email' AND data->>'accountId' IS NOT NULL GROUP BY state`,
        )
        return rows
      }
      await expect.poll(states, { timeout: 20_000 }).toEqual([{ state: 'completed', count: 30 }])
    })
  },
)
