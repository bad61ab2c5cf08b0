import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { signedLinks } from '@/e2e/support/signed-links'

// The fields of an expired link stand in for a login that a person need not type.

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.stop())

const sent = { detail: 'Reset link sent if the user exists in database' }
const required = { login: ['This field is required.'] }
const requestLink = async (body: unknown) => {
  const { status, json } = await app.post('send-reset-password-link', body)
  return [status, json]
}

async function lastRequested(): Promise<unknown> {
  const { rows } = await app.sql.query<{ target: unknown }>(
    `SELECT data -> 'target' AS "target" FROM rekey_queue.job WHERE name = 'link-request' ORDER BY created_on DESC LIMIT 1`,
  )
  return rows[0]?.target
}

describe('a request with a link that Rekey signed', () => {
  test.each<[string, (person: Person) => Promise<object>]>([
    ['an expired link', (person) => signedLinks(app).linkOf(person, { age: 3700 })],
    ['a link that is a year old', (person) => signedLinks(app).linkOf(person, { age: 400 * 86_400 })],
    [
      'a used link',
      async (person) => {
        const link = await signedLinks(app).linkOf(person, { age: 5 })
        await app.post('reset-password', { ...link, password: newPassword() })
        await app.sink.next(person.email)
        return link
      },
    ],
    [
      'a link to an earlier email address',
      async (person) => {
        const link = await signedLinks(app).linkOf(person)
        await app.sql.query(`UPDATE "rekey"."users" SET "email" = 'new-' || "email" WHERE "id" = $1`, [
          person.id,
        ])
        return link
      },
    ],
    ['a valid link', (person) => signedLinks(app).linkOf(person)],
  ])(
    'a request with %s sends a new link to the account’s present email address only',
    async (_state, make) => {
      const person = await app.addPerson()
      const link = await make(person)
      const { rows } = await app.sql.query<{ email: string }>(
        'SELECT "email" FROM "rekey"."users" WHERE "id" = $1',
        [person.id],
      )
      expect(await requestLink(link)).toEqual([200, sent])
      const email = await app.sink.next(rows[0]!.email)
      expect(email.recipients).toEqual([rows[0]!.email])
      const password = newPassword()
      const reset = await app.post('reset-password', { ...readLink(email.link), password })
      expect(reset.status).toBe(200)
    },
  )

  test('a link of a deleted or disabled account gets the same response, and no email is sent [A1]', async () => {
    const [deleted, disabled] = [await app.addPerson(), await app.addPerson()]
    const links = [await signedLinks(app).linkOf(deleted), await signedLinks(app).linkOf(disabled)]
    await app.sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [deleted.id])
    await app.sql.query('UPDATE "rekey"."users" SET "is_active" = false WHERE "id" = $1', [disabled.id])
    for (const link of links) expect(await requestLink(link)).toEqual([200, sent])
    const other = await app.addPerson()
    await requestLink({ login: other.username })
    await app.sink.next(other.email)
    expect([deleted, disabled].map(({ email }) => app.sink.countTo(email))).toEqual([0, 0])
  })

  test('a login takes precedence over the link in the same request', async () => {
    const [owner, typed] = [await app.addPerson(), await app.addPerson()]
    const link = await signedLinks(app).linkOf(owner)
    expect(await requestLink({ ...link, login: typed.username })).toEqual([200, sent])
    expect(await lastRequested()).toEqual({ login: typed.username })
    expect(await requestLink({ ...link, login: '' })).toEqual([
      400,
      { login: ['This field may not be blank.'] },
    ])
    expect(await requestLink({ ...link, login: null })).toEqual([
      400,
      { login: ['This field may not be null.'] },
    ])
  })
})

describe('a request with a link that Rekey did not sign', () => {
  test.each<[string, (link: Record<string, unknown>) => Record<string, unknown>]>([
    ['another account', (link) => ({ ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11' })],
    ['another timestamp', (link) => ({ ...link, timestamp: Number(link.timestamp) - 1 })],
    [
      'a changed signature',
      (link) => ({
        ...link,
        signature: String(link.signature).replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
      }),
    ],
    ['one more character in the signature', (link) => ({ ...link, signature: `${link.signature}A` })],
    ['no signature', ({ user_id, timestamp }) => ({ user_id, timestamp })],
    ['no timestamp', ({ user_id, signature }) => ({ user_id, signature })],
    ['a list as the user id', (link) => ({ ...link, user_id: [link.user_id] })],
    ['another spelling of the timestamp', (link) => ({ ...link, timestamp: `0${link.timestamp}` })],
  ])('a link with %s gets the error of a missing login, and stores nothing', async (_what, change) => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const before = await lastRequested()
    expect(await requestLink(change({ ...link }))).toEqual([400, required])
    expect(await lastRequested()).toEqual(before)
    expect(app.sink.countTo(person.email)).toBe(0)
  })

  test('a cancel link cannot request a new reset link [T2]', async () => {
    const person = await app.addPerson()
    const { linkOf } = signedLinks(app)
    for (const purpose of ['cancel', 'cancel-change'] as const)
      expect(await requestLink(await linkOf(person, { purpose }))).toEqual([400, required])
  })
})
