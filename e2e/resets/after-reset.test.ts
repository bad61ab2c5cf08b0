import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { emails } from '@/emails/templates'
import { signedState } from '@/lib/accounts/account'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { createSendPacer } from '@/lib/password-reset/send-pacer'
import { createJobHandlers } from '@/lib/password-reset/job-handlers'
import { createMailer } from '@/lib/mail/mailer'
import { migrate } from '@/lib/setup/migrate'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { newPassword } from '@/e2e/support/running-app'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'

// A team configures these hooks as code, so the tests make the services as services.ts does, with hooks of their own.

let database: TestDatabase
let sink: MailSink
let services: Services
let sql: pg.Client
beforeAll(async () => {
  database = await createMigratedDatabase()
  sink = await startMailSink()
  services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: 'http://localhost:3000',
      SMTP_URL: sink.url,
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      LIMIT_RESETS_PER_CLIENT: '1000/1m',
    }),
  )
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  await sql.query('CREATE TABLE "sessions" ("id" uuid PRIMARY KEY, "user_id" uuid NOT NULL)')
}, 120_000)
afterAll(async () => {
  await sql.end()
  await services.database.close()
  await sink.close()
  await database.drop()
})

const endSessions: RekeyConfig = {
  async revokeSessions(tx, account) {
    await tx.$executeRaw`DELETE FROM "sessions" WHERE "user_id" = ${account.id}::uuid`
  },
}

let id: string
let username: string
const oldPassword = 'the one that was forgotten'
beforeEach(async () => {
  username = `user-${randomBytes(5).toString('hex')}`
  const passwordHash = await services.hash.hash(oldPassword)
  const names = { firstName: '', lastName: '' }
  id = await services.ownAccounts.add({
    username,
    email: `${username}@example.com`,
    ...names,
    passwordHash,
    isActive: true,
    locale: null,
  })
  for (let i = 0; i < 3; i += 1) await sql.query('INSERT INTO "sessions" VALUES ($1, $2)', [randomUUID(), id])
  await sql.query('INSERT INTO "sessions" VALUES ($1, $2)', [randomUUID(), randomUUID()])
})

async function linkNow() {
  const { account, now } = await services.accounts.read(id)
  return services.links.create('reset', id, Math.floor(now.getTime() / 1000), signedState(account!))
}

async function reset(
  configuration: RekeyConfig,
  link: Awaited<ReturnType<typeof linkNow>>,
  password: string,
) {
  const request = { client: '203.0.113.9', headers: new Headers(), fields: { otp: '123456' } }
  const flow = createPasswordReset({ ...services, configuration })
  return flow.completeReset({
    link,
    password,
    passwordConfirm: undefined,
    locale: 'en',
    requestId: 'test',
    request,
  })
}

/** Starts a product that accepts any session in its table, and has no cache. */
async function startProduct() {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const server = createServer((request, response) => {
    const session = request.headers.authorization?.replace('Bearer ', '')
    void pool
      .query('SELECT 1 FROM "sessions" WHERE "id" = $1', [session])
      .then(({ rowCount }) => response.writeHead(rowCount === 1 ? 200 : 401).end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    async statusFor(session: string): Promise<number> {
      const headers = { Authorization: `Bearer ${session}`, Connection: 'close' }
      return (await fetch(`http://127.0.0.1:${port}/`, { headers })).status
    },
    async close() {
      server.close()
      await pool.end()
    },
  }
}

const sessions = async () => (await sql.query('SELECT 1 FROM "sessions" WHERE "user_id" = $1', [id])).rowCount
const jobs = async (name: string) =>
  (await sql.query(`SELECT 1 FROM rekey_queue.job WHERE name = $1 AND data->>'accountId' = $2`, [name, id]))
    .rowCount
const passwordIs = async (password: string) =>
  services.hash.verify((await services.accounts.findOne(username))!.passwordHash!, password)

describe('sessions of the account [S1]', () => {
  test('a reset ends all sessions of the account and no others', async () => {
    const password = newPassword()
    expect(await reset(endSessions, await linkNow(), password)).toEqual({ ok: true })
    expect(await sessions()).toBe(0)
    expect((await sql.query('SELECT 1 FROM "sessions"')).rowCount).toBeGreaterThan(0)
    expect(await passwordIs(password)).toBe(true)
  })

  test('all instances of the product reject the account’s sessions as soon as the reset is done, and accept those of others [S1]', async () => {
    const instances = [await startProduct(), await startProduct()]
    try {
      const { rows } = await sql.query<{ id: string; own: boolean }>(
        'SELECT "id", "user_id" = $1 AS "own" FROM "sessions" ORDER BY "user_id" = $1 DESC LIMIT 4',
        [id],
      )
      expect(rows.map(({ own }) => own)).toEqual([true, true, true, false])
      const responses = () =>
        Promise.all(instances.flatMap((instance) => rows.map((session) => instance.statusFor(session.id))))
      expect(await responses()).toEqual([200, 200, 200, 200, 200, 200, 200, 200])

      expect(await reset(endSessions, await linkNow(), newPassword())).toEqual({ ok: true })
      expect(await responses()).toEqual([401, 401, 401, 200, 401, 401, 401, 200])
    } finally {
      for (const instance of instances) await instance.close()
    }
  })

  test('fifty requests for a link end no session and change nothing in the account [A5]', async () => {
    const before = (await sql.query('SELECT * FROM "rekey"."users" WHERE "id" = $1', [id])).rows
    const flow = createPasswordReset({ ...services, configuration: endSessions })
    const mailer = createMailer({ ...services.settings.mail, log: services.log })
    const handlers = createJobHandlers({
      ...services,
      configuration: endSessions,
      emails,
      mailer,
      sendPacer: createSendPacer({ slots: 16, longestPause: 0 }),
    })
    for (let i = 0; i < 50; i += 1) {
      const client = `198.51.100.${i}`
      const request = { target: { login: username }, locale: 'en', requestId: 'r', client }
      expect(await flow.requestLink(request)).toEqual({ ok: true, found: 'not-told' })
      const data = { target: { login: username }, locale: 'en', requestId: 'r', client, bypassPause: false }
      await handlers['link-request']({ id: randomUUID(), data, createdAt: new Date(), attempt: 1 })
      const requestedAt = Math.floor(Date.now() / 1000)
      const email = { accountId: id, requestedAt, locale: 'en', requestId: 'r', bypassPause: false }
      await handlers['link-email']({ id: randomUUID(), data: email, createdAt: new Date(), attempt: 1 })
    }
    await mailer.close()
    expect(sink.countTo(`${username}@example.com`)).toBeGreaterThan(0)
    expect(await sessions()).toBe(3)
    expect(await passwordIs(oldPassword)).toBe(true)
    expect((await sql.query('SELECT * FROM "rekey"."users" WHERE "id" = $1', [id])).rows).toEqual(before)
  })

  test('a reset whose sessions cannot be ended changes nothing, sends no email, and its link still works [F8]', async () => {
    const link = await linkNow()
    const failing: RekeyConfig = {
      async revokeSessions(tx, account) {
        await endSessions.revokeSessions!(tx, account)
        throw new Error('the session store is read-only')
      },
    }
    await expect(reset(failing, link, newPassword())).rejects.toThrow('read-only')
    expect(await passwordIs(oldPassword)).toBe(true)
    expect(await sessions()).toBe(3)
    expect(await jobs('changed-email')).toBe(0)
    expect(await services.audit.history(id)).toEqual([])
    expect(await reset(endSessions, link, newPassword())).toEqual({ ok: true })
  })
})

describe('a second factor [S4]', () => {
  test('a second factor can reject a reset; the password does not change and the link still works', async () => {
    const link = await linkNow()
    const password = newPassword()
    const seen: unknown[] = []
    const rejecting: RekeyConfig = {
      secondFactor: async (account, request) => {
        seen.push(account.username, request.client, request.fields)
        return false
      },
    }
    expect(await reset(rejecting, link, password)).toEqual({ ok: false, code: 'second-factor-required' })
    expect(seen).toEqual([username, '203.0.113.9', { otp: '123456' }])
    expect(await passwordIs(oldPassword)).toBe(true)
    expect(await reset({ secondFactor: async () => true }, link, password)).toEqual({ ok: true })
  })

  test('a reset does not change the second factor that the product stores in the account [S4]', async () => {
    await sql.query(`ALTER TABLE "rekey"."users" ADD COLUMN IF NOT EXISTS "totp_secret" text`)
    await sql.query(`UPDATE "rekey"."users" SET "totp_secret" = 'JBSWY3DPEHPK3PXP' WHERE "id" = $1`, [id])
    const row = async () => {
      const { rows } = await sql.query<Record<string, unknown>>(
        'SELECT * FROM "rekey"."users" WHERE "id" = $1',
        [id],
      )
      return rows[0]!
    }
    const before = await row()
    expect(await reset({ secondFactor: async () => true }, await linkNow(), newPassword())).toEqual({
      ok: true,
    })
    const after = await row()
    const changed = Object.keys(after).filter((name) => String(after[name]) !== String(before[name]))
    expect(changed.sort()).toEqual(['password', 'password_changed_at'])
  })

  test('the second factor is not called for a rejected password, nor for an invalid link', async () => {
    let calls = 0
    const counting: RekeyConfig = { secondFactor: async () => ++calls > 0 }
    await reset(counting, await linkNow(), 'too short')
    await reset(counting, { ...(await linkNow()), signature: 'A'.repeat(86) }, newPassword())
    expect(calls).toBe(0)
  })
})

describe('the hook passwordChanged, for stores outside the database', () => {
  test('the worker calls passwordChanged after the reset, and again until it succeeds', async () => {
    const called: string[] = []
    const configuration: RekeyConfig = {
      passwordChanged: async (account) => {
        called.push(account.username)
        if (called.length === 1) throw new Error('the cache is away')
      },
    }
    expect(await reset(configuration, await linkNow(), newPassword())).toEqual({ ok: true })
    expect(called).toEqual([])
    const { rows } = await sql.query(
      `SELECT data FROM rekey_queue.job WHERE name = 'changed-hook' AND data->>'accountId' = $1`,
      [id],
    )
    expect(rows).toHaveLength(1)
    const mailer = createMailer({ ...services.settings.mail, log: services.log })
    const handlers = createJobHandlers({
      ...services,
      configuration,
      emails,
      mailer,
      sendPacer: createSendPacer({ slots: 16, longestPause: 0 }),
    })
    const work = { id: randomUUID(), data: rows[0].data, createdAt: new Date(), attempt: 1 }
    await expect(handlers['changed-hook'](work)).rejects.toThrow('away')
    expect(await handlers['changed-hook'](work)).toEqual({ outcome: 'done' })
    expect(called).toEqual([username, username])
    await mailer.close()
  })
})

test('a reset does not enable an account that was disabled after the email was sent [S5]', async () => {
  const link = await linkNow()
  await services.ownAccounts.setActive(username, false)
  expect(await reset(endSessions, link, newPassword())).toEqual({ ok: false, code: 'signature-used' })
  expect((await services.accounts.findOne(username))!.isActive).toBe(false)
})

test.runIf(testServer)(
  'the app’s database role can request and complete a reset, and cannot change the schema or the audit log [K5, L5]',
  async () => {
    const role = `rekey_app_${randomBytes(5).toString('hex')}`
    await sql.query(`CREATE ROLE "${role}" LOGIN`)
    try {
      await migrate(database, { appRole: role })
      const url = new URL(database.url)
      url.username = role
      const settings = {
        ...services.settings,
        database: { ...services.settings.database, url: url.href, poolSize: 2 },
      }
      const limited = createServices(settings)
      const asApp = new pg.Client({ connectionString: url.href })
      await asApp.connect()
      try {
        const link = await linkNow()
        const request = { client: '203.0.113.9', headers: new Headers(), fields: {} }
        const requested = { target: { login: username }, locale: 'en', requestId: 'r', client: '203.0.113.9' }
        expect(await limited.passwordReset.requestLink(requested)).toEqual({ ok: true, found: 'not-told' })
        const input = {
          link,
          password: newPassword(),
          passwordConfirm: undefined,
          locale: 'en',
          requestId: 'r',
          request,
        }
        expect(await limited.passwordReset.completeReset(input)).toEqual({ ok: true })
        for (const statement of [
          'DROP TABLE "rekey"."users"',
          'ALTER TABLE "rekey"."users" ADD COLUMN "x" int',
          'CREATE TABLE "mine" ("n" int)',
          'UPDATE "rekey"."audit" SET "event" = \'x\'',
          'DELETE FROM "rekey"."audit"',
          'TRUNCATE "rekey"."audit"',
          'DELETE FROM "rekey"."users"',
        ]) {
          await expect(asApp.query(statement), statement).rejects.toThrow(/permission denied|must be owner/)
        }
        await limited.audit.purge(180)
      } finally {
        await asApp.end()
        await limited.database.close()
      }
    } finally {
      await sql.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`)
    }
  },
)
