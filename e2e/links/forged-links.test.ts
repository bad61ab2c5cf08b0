import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import {
  newPassword,
  startApp,
  type LinkParameters,
  type Person,
  type RunningApp,
} from '@/e2e/support/running-app'

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.stop())

const endpoint = (name: string) => `/api/v1/accounts/${name}/`
const json: [string, string] = ['Content-Type', 'application/json']
const invalid = { detail: 'Invalid signature', code: 'signature-invalid' }
const sent = { detail: 'Reset link sent if the user exists in database' }

const post = (name: string, body: unknown, headers = [json]) =>
  exchange(app.port, {
    path: endpoint(name),
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

async function allRows(): Promise<unknown> {
  const tables = [
    '"rekey"."users"',
    '"rekey"."recovery"',
    '(SELECT "id", "name" FROM rekey_queue.job) AS jobs',
  ]
  return Promise.all(
    tables.map(async (table) => (await app.sql.query(`SELECT * FROM ${table} ORDER BY 1`)).rows),
  )
}

describe('the user id of another account [C10, CVE-2015-2559]', () => {
  /** Two accounts that differ only in their ids and usernames. */
  async function similarAccounts(): Promise<[Person, Person]> {
    const one = await app.addPerson()
    const other = await app.addPerson({ email: one.email })
    await app.sql.query(
      `UPDATE "rekey"."users" u SET "password" = o."password", "created_at" = o."created_at", "email" = o."email"
         FROM "rekey"."users" o WHERE u."id" = $1 AND o."id" = $2`,
      [other.id, one.id],
    )
    return [one, other]
  }

  test('a link with another account’s user id is rejected, even if both have the same hash and email address [C10, CVE-2015-2559]', async () => {
    const [one, other] = await similarAccounts()
    const { linkOf } = signedLinks(app)
    const swapped = { ...(await linkOf(one)), user_id: other.id }
    const before = await allRows()
    const reset = await post('reset-password', { ...swapped, password: newPassword() })
    expect([reset.status, reset.json]).toEqual([400, invalid])
    for (const purpose of ['cancel', 'cancel-change'] as const) {
      const cancel = await post('cancel-reset-password', {
        ...(await linkOf(one, { purpose })),
        user_id: other.id,
      })
      expect([cancel.status, cancel.json]).toEqual([400, invalid])
    }
    const renewal = await post('send-reset-password-link', swapped)
    expect([renewal.status, renewal.json]).toEqual([400, { login: ['This field is required.'] }])
    expect(await allRows()).toEqual(before)
  })

  test('the page of a link with another account’s user id names no account, and that of the valid link names its own [C10, U4]', async () => {
    const [one, other] = await similarAccounts()
    const link = await signedLinks(app).linkOf(one)
    const pageOf = async (parameters: object) =>
      (
        await exchange(app.port, {
          method: 'GET',
          path: `/reset-password/?${new URLSearchParams({ ...parameters })}`,
        })
      ).text
    expect(await pageOf(link)).toContain(one.username)
    const page = await pageOf({ ...link, user_id: other.id })
    for (const name of [one, other].flatMap(({ username, email }) => [username, email]))
      expect(page).not.toContain(name)
  })

  test('a link does not work for another account that later gets the same user id [C10]', async () => {
    const [one, other] = await similarAccounts()
    const link = await signedLinks(app).linkOf(one)
    await app.sql.query(`UPDATE "rekey"."users" SET "id" = gen_random_uuid() WHERE "id" = $1`, [one.id])
    await app.sql.query(`UPDATE "rekey"."users" SET "id" = $1, "email" = 'x' || "email" WHERE "id" = $2`, [
      one.id,
      other.id,
    ])
    const reset = await post('reset-password', { ...link, password: newPassword() })
    expect([reset.status, reset.json]).toEqual([400, { detail: 'Invalid signature', code: 'signature-used' }])
  })
})

describe('values that some languages treat as equal or as empty [C11, CVE-2013-0233, WordPress 2.8.3]', () => {
  const emptyLikeValues = [
    '0',
    '0.0',
    '-0',
    '1',
    'true',
    'false',
    'null',
    '""',
    '"0"',
    '[]',
    '[""]',
    '[null]',
    '{}',
    '{"$ne":null}',
    '{"length":86}',
  ]
  const fields = ['user_id', 'timestamp', 'signature'] as const
  const bodyOf = (values: Record<string, string>, password = newPassword()) =>
    `{${Object.entries({ ...values, password: JSON.stringify(password) })
      .map(([name, value]) => `"${name}":${value}`)
      .join(',')}}`

  // Accounts whose hashes, ids and names such a value could match.
  beforeAll(async () => {
    for (const hash of ['0', '', 'null', 'undefined', 'NaN', 'true', '[object Object]', '!']) {
      const person = await app.addPerson({ email: '', firstName: hash })
      await app.sql.query('UPDATE "rekey"."users" SET "password" = $1 WHERE "id" = $2', [hash, person.id])
    }
    await app.addPerson({ password: null, username: '0' })
    await app.sql.query(
      `INSERT INTO "rekey"."users" ("id", "username", "email", "password")
       VALUES ('00000000-0000-0000-0000-000000000000', 'nil', '', '')`,
    )
  })

  test('a link with an empty-like value in one field is rejected and changes nothing, and the link still works', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const encoded = Object.fromEntries(fields.map((name) => [name, JSON.stringify(link[name])]))
    const before = await allRows()
    for (const name of fields) {
      for (const value of [...emptyLikeValues, `[${encoded[name]}]`, `{"0":${encoded[name]}}`]) {
        const body = bodyOf({ ...encoded, [name]: value })
        const responses = [
          await post('reset-password', body),
          await post('cancel-reset-password', body),
          await post('send-reset-password-link', body),
        ]
        expect([name, value, ...responses.map(({ status }) => status)]).toEqual([name, value, 400, 400, 400])
      }
    }
    expect(await allRows()).toEqual(before)
    expect((await post('reset-password', bodyOf(encoded))).status).toBe(200)
  })

  test('a link with empty-like values in all three fields is rejected and changes nothing, in every combination', async () => {
    const before = await allRows()
    const few = ['0', 'true', 'null', '""', '[]', '{}', '"0"', '"00000000-0000-0000-0000-000000000000"']
    for (const user_id of few) {
      const bodies = few.flatMap((timestamp) =>
        few.map((signature) => bodyOf({ user_id, timestamp, signature })),
      )
      const responses = await Promise.all(bodies.map((body) => post('reset-password', body)))
      expect(bodies.filter((_, at) => responses[at]!.status !== 400)).toEqual([])
    }
    expect(await allRows()).toEqual(before)
  })

  test.each<[string, (link: LinkParameters) => string]>([
    ['signature[]=', ({ user_id, timestamp }) => `user_id=${user_id}&timestamp=${timestamp}&signature[]=`],
    ['signature=', ({ user_id, timestamp }) => `user_id=${user_id}&timestamp=${timestamp}&signature=`],
    ['signature', ({ user_id, timestamp }) => `user_id=${user_id}&timestamp=${timestamp}&signature`],
    ['no signature', ({ user_id, timestamp }) => `user_id=${user_id}&timestamp=${timestamp}`],
    ['signature[0]=', ({ signature, ...link }) => `${new URLSearchParams(link)}&signature[0]=${signature}`],
    ['signature%00=', ({ signature, ...link }) => `${new URLSearchParams(link)}&signature%00=${signature}`],
    [
      'signature=true',
      ({ user_id, timestamp }) => `user_id=${user_id}&timestamp=${timestamp}&signature=true`,
    ],
    ['login[]=', ({ user_id }) => `login[]=&user_id=${user_id}`],
  ])(
    'a form with %s in place of a field is rejected by every endpoint and changes nothing [C11, WordPress 2.8.3]',
    async (_what, spell) => {
      const person = await app.addPerson()
      const { user_id, timestamp, signature } = await signedLinks(app).linkOf(person)
      const before = await allRows()
      const body = `${spell({ user_id, timestamp: String(timestamp), signature })}&password=${newPassword()}`
      for (const name of ['reset-password', 'cancel-reset-password', 'send-reset-password-link']) {
        const response = await post(name, body, [['Content-Type', 'application/x-www-form-urlencoded']])
        expect([name, response.status]).toEqual([name, 400])
      }
      expect(await allRows()).toEqual(before)
    },
  )

  test('a number as a login matches only the username with exactly these digits [C11, CVE-2013-0233]', async () => {
    for (const login of [0, -1, 1, 9007199254740993n]) {
      const response = await post('send-reset-password-link', `{"login":${login}}`)
      expect([response.status, response.json]).toEqual([200, sent])
    }
    const digits = await app.addPerson({ username: '9007199254740993', email: 'digits@example.com' })
    await app.addPerson({ username: '9007199254740992', email: 'neighbour@example.com' })
    await post('send-reset-password-link', '{"login":9007199254740993}')
    await app.sink.next(digits.email)
    const withLinks = app.sink.emails.filter(({ link }) => link !== undefined)
    expect(withLinks.map(({ recipients }) => recipients)).toEqual([[digits.email]])
  })
})
