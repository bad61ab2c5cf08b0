import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { settled } from '@/e2e/support/settled-jobs'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { cancelPath } from '@/e2e/support/endpoint-paths'

let app: RunningApp
beforeAll(async () => {
  app = await startApp({ env: { SUPPORT_EMAIL: 'help@rekey.example', LIMIT_EMAILS_PER_ACCOUNT: '5/1h' } })
})
afterAll(() => app?.stop())

const sent = { detail: 'Reset link sent if the user exists in database' }
const done = { detail: 'Reset password successful' }
const used = { detail: 'Invalid signature', code: 'signature-used' }
const invalid = { detail: 'Invalid signature', code: 'signature-invalid' }

describe('a reset from the request to the new password', () => {
  test('a person requests a link by username, gets an email, sets a new password, and gets an email about it', async () => {
    const person = await app.addPerson({ firstName: 'Grace', password: 'the password that was forgotten' })
    const password = newPassword()

    const requested = await app.post('send-reset-password-link', { login: person.username })
    expect([requested.status, requested.json]).toEqual([200, sent])

    const email = await app.sink.next(person.email)
    expect(email.recipients).toEqual([person.email])
    const link = readLink(email.link)
    expect(await app.passwordIs(person, 'the password that was forgotten')).toBe(true)

    const reset = await app.post('reset-password', { ...link, password })
    expect([reset.status, reset.json]).toEqual([200, done])
    expect(reset.headers.get('set-cookie')).toBeNull() // S2
    expect(await app.passwordIs(person, password)).toBe(true)

    const changed = await app.sink.next(person.email)
    expect(changed.link).toBeUndefined() // S3: nothing in it resets a password
    expect(changed.mail.subject).toMatch(/changed/i)
  })

  test('a person can request a link by email address, in capitals', async () => {
    const person = await app.addPerson()
    await app.post('send-reset-password-link', { login: person.email.toUpperCase() })
    expect((await app.sink.next(person.email)).recipients).toEqual([person.email])
  })

  test('each account of one email address gets its own email with its own link', async () => {
    const first = await app.addPerson()
    const second = await app.addPerson({ email: first.email })
    await app.post('send-reset-password-link', { login: first.email })
    const links = [await app.sink.next(first.email), await app.sink.next(first.email)].map(
      ({ link }) => readLink(link).user_id,
    )
    expect(links.sort()).toEqual([first.id, second.id].sort())
  })

  test('a failed reset sends no email, and a successful one an email with a contact and without a reset link [S3]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    for (const failing of [
      { ...link, signature: 'x', password },
      { ...link, password: 'short' },
      { ...link, timestamp: link.timestamp - 1, password },
    ]) {
      expect((await app.post('reset-password', failing)).status).toBe(400)
    }
    await resetBy(link)
    expect((await app.post('reset-password', { ...link, password })).json).toEqual(used)
    const email = await app.sink.next(person.email)
    await settled(app)
    expect(app.sink.countTo(person.email)).toBe(1)
    expect(email.link).toBeUndefined()
    for (const text of [email.mail.text, email.mail.html]) {
      expect(text).toContain('help@rekey.example')
      expect(text).not.toContain(link.signature)
      expect(text).not.toContain('/reset-password/')
    }
  })

  test.each([
    ['older', 0],
    ['newer', 1],
  ])(
    'two links of an account are valid at the same time, and a reset with the %s one invalidates both [T4, T6]',
    async (_which, at) => {
      const person = await app.addPerson()
      const both = [await app.linkFor(person), await app.linkFor(person)]
      for (const link of both) expect(await pageOf(link)).toContain(person.username)
      expect((await app.post('reset-password', { ...both[at], password: newPassword() })).status).toBe(200)
      for (const link of both) {
        const again = await app.post('reset-password', { ...link, password: newPassword() })
        expect([again.status, again.json]).toEqual([400, used])
      }
    },
  )

  test('a link still works after a rejected password [T14]', async () => {
    const person = await app.addPerson()
    const link = await app.linkFor(person)
    const short = await app.post('reset-password', { ...link, password: 'gravel lantern' })
    expect(short.json).toEqual({
      password: ['This password is too short. It must contain at least 15 characters.'],
    })
    expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
  })
})

describe('links that are not valid', () => {
  const sql = (text: string) => (person: Person) => app.sql.query(text, [person.id])
  test.each<[string, (person: Person) => Promise<unknown>]>([
    [
      'a change of the email address',
      sql(`UPDATE "rekey"."users" SET "email" = 'new-' || "email" WHERE "id" = $1`),
    ],
    [
      'a change of the password',
      sql(`UPDATE "rekey"."users" SET "password" = 'changed elsewhere' WHERE "id" = $1`),
    ],
    ['a removal of the password', sql(`UPDATE "rekey"."users" SET "password" = NULL WHERE "id" = $1`)],
    ['a deactivation of the account', sql(`UPDATE "rekey"."users" SET "is_active" = false WHERE "id" = $1`)],
    ['a deletion of the account', sql(`DELETE FROM "rekey"."users" WHERE "id" = $1`)],
    ['a reset', async (person) => resetBy(await signedLinks(app).linkOf(person, { age: 30 }))],
    [
      'a cancelled link',
      async (person) => {
        const link = await signedLinks(app).linkOf(person, { purpose: 'cancel' })
        const response = await fetch(`${app.url}${cancelPath}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(link),
        })
        expect(response.status).toBe(200)
      },
    ],
  ])(
    'no link of an account works after %s; its page shows no name and the account does not change [T5, T12, S5]',
    async (_what, change) => {
      const person = await app.addPerson()
      const { linkOf } = signedLinks(app)
      const links = [
        await app.linkFor(person),
        await linkOf(person, { age: 60 }),
        await linkOf(person, { age: 3000 }),
      ]
      for (const link of links) expect(await pageOf(link)).toContain(person.username)
      await change(person)
      const row = async () =>
        (await app.sql.query('SELECT * FROM "rekey"."users" WHERE "id" = $1', [person.id])).rows
      const before = await row()
      for (const link of links) {
        const response = await app.post('reset-password', { ...link, password: newPassword() })
        expect([response.status, response.json]).toEqual([400, used])
        expect(await pageOf(link)).not.toContain(person.username)
      }
      expect(await row()).toEqual(before)
    },
  )

  test.each([
    ['a changed email address', `"email" = 'new-' || "email"`, `"email" = substr("email", 5)`],
    ['a disabled account', '"is_active" = false', '"is_active" = true'],
  ])(
    'a link that is invalid because of %s stays invalid when the change is reverted [T5]',
    async (_what, change, back) => {
      const person = await app.addPerson()
      const link = await app.linkFor(person)
      for (const set of [change, back])
        await app.sql.query(`UPDATE "rekey"."users" SET ${set} WHERE "id" = $1`, [person.id])
      const response = await app.post('reset-password', { ...link, password: newPassword() })
      expect([response.status, response.json]).toEqual([400, used])
      const next = await app.linkFor(person)
      expect((await app.post('reset-password', { ...next, password: newPassword() })).status).toBe(200)
    },
  )

  test('a link of an unknown account, of another account or with a changed part gets the same error [T12]', async () => {
    const [person, other] = [await app.addPerson(), await app.addPerson()]
    const link = await app.linkFor(person)
    const flipped = (link.signature.startsWith('A') ? 'B' : 'A') + link.signature.slice(1)
    const tampered = [
      { ...link, user_id: other.id },
      { ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11' },
      { ...link, timestamp: Number(link.timestamp) + 1 },
      { ...link, signature: flipped },
      { ...link, signature: 'x' },
    ]
    for (const parameters of tampered) {
      const response = await app.post('reset-password', { ...parameters, password: newPassword() })
      expect([response.status, response.json]).toEqual([400, invalid])
    }
  })

  test('a link works for 60 minutes; an older one gets its own error only if its signature is valid [T3]', async () => {
    const person = await app.addPerson()
    const { linkOf } = signedLinks(app)
    const old = await linkOf(person, { age: 3601 })
    const expired = await app.post('reset-password', { ...old, password: newPassword() })
    expect([expired.status, expired.json]).toEqual([
      400,
      { detail: 'Signature expired', code: 'signature-expired' },
    ])
    const another = { ...old, timestamp: old.timestamp + 1 }
    const forged = await app.post('reset-password', { ...another, password: newPassword() })
    expect([forged.status, forged.json]).toEqual([400, invalid])
    await resetBy(await linkOf(person, { age: 3599 }))
  })

  test('a link from ten minutes in the future is rejected, and one from half a minute is accepted, because clocks differ [T10]', async () => {
    const person = await app.addPerson()
    const { linkOf } = signedLinks(app)
    const future = await linkOf(person, { age: -600 })
    const response = await app.post('reset-password', { ...future, password: newPassword() })
    expect([response.status, response.json]).toEqual([400, invalid])
    await resetBy(await linkOf(person, { age: -30 }))
  })
})

describe('what responses to requests reveal', () => {
  test('requests for known, unknown, disabled and passwordless accounts get the same bytes and headers [A1]', async () => {
    const people = [
      await app.addPerson(),
      await app.addPerson({ isActive: false }),
      await app.addPerson({ password: null }),
      await app.addPerson({ email: '' }),
      { username: 'nobody-of-this-name' },
    ]
    const responses = await Promise.all(
      people.map(({ username }) => app.post('send-reset-password-link', { login: username })),
    )
    const plain = responses.map(({ status, text, headers }) => ({
      status,
      text,
      headers: Object.fromEntries([...headers].filter(([name]) => !['date', 'x-request-id'].includes(name))),
    }))
    for (const response of plain) expect(response).toEqual(plain[0])
    expect(plain[0]).toMatchObject({ status: 200, text: JSON.stringify(sent) })
  })

  test('no response contains a part of the account or of the link, in any format [A4]', async () => {
    const people = [
      await app.addPerson({ firstName: 'Canaria', lastName: 'Finch' }),
      await app.addPerson({ isActive: false }),
      await app.addPerson({ password: null }),
      await app.addPerson({ email: '' }),
    ]
    for (const person of people) {
      const { id, username, email } = person
      const link = await signedLinks(app).linkOf(person)
      const responses = [
        await wholeResponse('send-reset-password-link', JSON.stringify({ login: username })),
        await wholeResponse('send-reset-password-link', JSON.stringify({ login: email || 'x' })),
        await wholeResponse('send-reset-password-link', `login=${username}`, 'text/html'),
        await wholeResponse('send-reset-password-link', JSON.stringify(link)),
        await wholeResponse('reset-password', JSON.stringify({ ...link, signature: 'x', password: 'y' })),
        await wholeResponse('reset-password', JSON.stringify({ ...link, password: 'short' })),
        await wholeResponse('reset-password', JSON.stringify({ ...link, password: newPassword() })),
      ]
      const secrets = [
        id,
        username,
        email,
        link.signature,
        'Canaria',
        'Finch',
        'example.com',
        'signature=',
        '***',
      ]
      for (const response of responses)
        expect(secrets.filter((secret) => secret !== '' && response.includes(secret))).toEqual([])
    }
  })

  test('fifty requests of strangers do not change the account, and a link from before still works [A5, T6]', async () => {
    const person = await app.addPerson({ password: 'the password that was known all along' })
    const link = await app.linkFor(person)
    const row = async () =>
      (await app.sql.query('SELECT * FROM "rekey"."users" WHERE "id" = $1', [person.id])).rows
    const before = await row()
    const requests = Array.from({ length: 50 }, (_, i) =>
      app.post('send-reset-password-link', { login: i % 2 === 0 ? person.username : person.email }),
    )
    expect(new Set((await Promise.all(requests)).map(({ status }) => status))).toEqual(new Set([200]))
    await settled(app, 40_000)
    expect(app.sink.countTo(person.email)).toBe(5)
    expect(await app.passwordIs(person, 'the password that was known all along')).toBe(true)
    expect(await row()).toEqual(before)
    await resetBy(link)
  })

  test('only an active account with a password gets an email [A7]', async () => {
    const others = [await app.addPerson({ isActive: false }), await app.addPerson({ password: null })]
    const mailed = await app.addPerson()
    for (const { username } of [...others, mailed])
      await app.post('send-reset-password-link', { login: username })
    await app.post('send-reset-password-link', { login: 'nobody@unknown.example' })
    await app.sink.next(mailed.email)
    await settled(app)
    expect(others.map(({ email }) => app.sink.countTo(email))).toEqual([0, 0])
    expect(app.sink.countTo('nobody@unknown.example')).toBe(0)
  })
})

async function resetBy(link: object): Promise<void> {
  const response = await app.post('reset-password', { ...link, password: newPassword() })
  expect([response.status, response.json]).toEqual([200, done])
}

async function pageOf(link: object): Promise<string> {
  return (await fetch(`${app.url}/reset-password/?${new URLSearchParams({ ...link })}`)).text()
}

async function wholeResponse(endpoint: string, body: string, accept = 'application/json'): Promise<string> {
  const type = accept === 'text/html' ? 'application/x-www-form-urlencoded' : 'application/json'
  const { status, headers, text } = await exchange(app.port, {
    path: `/api/v1/accounts/${endpoint}/`,
    headers: [
      ['Content-Type', type],
      ['Accept', accept],
      ['Sec-Fetch-Site', 'same-origin'],
    ],
    body,
  })
  return JSON.stringify([status, headers, text])
}
