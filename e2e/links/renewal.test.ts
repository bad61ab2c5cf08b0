import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { signedLinks } from '@/e2e/support/signed-links'

// The three fields of a link in the place of a login: the holder of a dead link gets a new one without typing.

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.stop())

const sent = { detail: 'Reset link sent if the user exists in database' }
const required = { login: ['This field is required.'] }
const ask = async (body: unknown) => {
  const { status, json } = await app.post('send-reset-password-link', body)
  return [status, json]
}

/** The newest request for a link, when it has been stored. */
async function lastRequested(): Promise<unknown> {
  const { rows } = await app.sql.query<{ asked: unknown }>(
    `SELECT data -> 'target' AS "asked" FROM rekey_queue.job WHERE name = 'link-request' ORDER BY created_on DESC LIMIT 1`,
  )
  return rows[0]?.asked
}

describe('a link that was ours', () => {
  test.each<[string, (person: Person) => Promise<object>]>([
    ['too old', (person) => signedLinks(app).linkOf(person, { age: 3700 })],
    ['as old as links never get', (person) => signedLinks(app).linkOf(person, { age: 400 * 86_400 })],
    [
      'used',
      async (person) => {
        const link = await signedLinks(app).linkOf(person, { age: 5 })
        await app.post('reset-password', { ...link, password: newPassword() })
        await app.sink.next(person.email)
        return link
      },
    ],
    [
      'of an address before the present one',
      async (person) => {
        const link = await signedLinks(app).linkOf(person)
        await app.sql.query(`UPDATE "rekey"."users" SET "email" = 'new-' || "email" WHERE "id" = $1`, [
          person.id,
        ])
        return link
      },
    ],
    ['still alive', (person) => signedLinks(app).linkOf(person)],
  ])('%s brings a new one, to the account’s address and no other', async (_state, make) => {
    const person = await app.addPerson()
    const link = await make(person)
    const { rows } = await app.sql.query<{ email: string }>(
      'SELECT "email" FROM "rekey"."users" WHERE "id" = $1',
      [person.id],
    )
    expect(await ask(link)).toEqual([200, sent])
    const email = await app.sink.next(rows[0]!.email)
    expect(email.recipients).toEqual([rows[0]!.email])
    const password = newPassword()
    const reset = await app.post('reset-password', { ...readLink(email.link), password })
    expect(reset.status).toBe(200)
  })

  test('of an account that is gone or disabled is answered alike, and nobody is written to [A1]', async () => {
    const [gone, disabled] = [await app.addPerson(), await app.addPerson()]
    const links = [await signedLinks(app).linkOf(gone), await signedLinks(app).linkOf(disabled)]
    await app.sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [gone.id])
    await app.sql.query('UPDATE "rekey"."users" SET "is_active" = false WHERE "id" = $1', [disabled.id])
    for (const link of links) expect(await ask(link)).toEqual([200, sent])
    const other = await app.addPerson()
    await ask({ login: other.username })
    await app.sink.next(other.email)
    expect([gone, disabled].map(({ email }) => app.sink.countTo(email))).toEqual([0, 0])
  })

  test('beside a login is ignored: what is typed counts', async () => {
    const [holder, typed] = [await app.addPerson(), await app.addPerson()]
    const link = await signedLinks(app).linkOf(holder)
    expect(await ask({ ...link, login: typed.username })).toEqual([200, sent])
    expect(await lastRequested()).toEqual({ login: typed.username })
    expect(await ask({ ...link, login: '' })).toEqual([400, { login: ['This field may not be blank.'] }])
    expect(await ask({ ...link, login: null })).toEqual([400, { login: ['This field may not be null.'] }])
  })
})

describe('a link that was not', () => {
  test.each<[string, (link: Record<string, unknown>) => Record<string, unknown>]>([
    ['another account', (link) => ({ ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11' })],
    ['another time', (link) => ({ ...link, timestamp: Number(link.timestamp) - 1 })],
    [
      'a changed signature',
      (link) => ({
        ...link,
        signature: String(link.signature).replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
      }),
    ],
    ['a signature too many', (link) => ({ ...link, signature: `${link.signature}A` })],
    ['no signature', ({ user_id, timestamp }) => ({ user_id, timestamp })],
    ['no time', ({ user_id, signature }) => ({ user_id, signature })],
    ['a list', (link) => ({ ...link, user_id: [link.user_id] })],
    ['another spelling of the time', (link) => ({ ...link, timestamp: `0${link.timestamp}` })],
  ])('(%s) is as if the login were missing, and nothing is stored', async (_what, spoil) => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const before = await lastRequested()
    expect(await ask(spoil({ ...link }))).toEqual([400, required])
    expect(await lastRequested()).toEqual(before)
    expect(app.sink.countTo(person.email)).toBe(0)
  })

  test('the "this wasn’t me" link of an email renews nothing [T2]', async () => {
    const person = await app.addPerson()
    const { linkOf } = signedLinks(app)
    for (const purpose of ['cancel', 'cancel-change'] as const)
      expect(await ask(await linkOf(person, { purpose }))).toEqual([400, required])
  })
})
