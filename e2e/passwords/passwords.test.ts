import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { resetPath } from '@/e2e/support/endpoint-paths'

const breachService = createServer((request, response) => {
  received.push(request)
  respond(request, response)
})
const knowsNoBreach = (_request: IncomingMessage, response: ServerResponse) =>
  void response.end(`${'0'.repeat(35)}:0\r\n`)
let received: IncomingMessage[]
let respond: (request: IncomingMessage, response: ServerResponse) => void

let app: RunningApp
beforeAll(async () => {
  breachService.listen(0, '127.0.0.1')
  await once(breachService, 'listening')
  const { port } = breachService.address() as AddressInfo
  app = await startApp({
    env: {
      APP_NAME: 'Northwind Traders',
      PASSWORD_BREACH_CHECK_URL: `http://127.0.0.1:${port}/range/`,
    },
  })
})
beforeEach(() => {
  received = []
  respond = knowsNoBreach
})
afterAll(async () => {
  await app?.stop()
  breachService.closeAllConnections()
  breachService.close()
})

const { verify } = createHashQueue()

/** An account whose names are similar to no password of these tests. */
const someone = () =>
  app.addPerson({
    username: `wilhelmina.${randomBytes(4).toString('hex')}`,
    email: `${randomBytes(8).toString('hex')}.post@example.net`,
    firstName: 'Maximiliane-Charlotte',
    lastName: 'von der Weidenau',
  })
const reset = async (person: Person, password: string) =>
  app.post('reset-password', { ...(await signedLinks(app).linkOf(person)), password })
const storedFor = async ({ id }: Person) =>
  (await app.sql.query<{ password: string }>('SELECT "password" FROM "rekey"."users" WHERE "id" = $1', [id]))
    .rows[0]!.password

const tooShort = 'This password is too short. It must contain at least 15 characters.'
const tooLong = 'This password is too long. It must contain at most 256 characters.'
const tooCommon = 'This password is too common.'
/** Different emoji, so that a password of them has no repetition. */
const emoji = (count: number) =>
  Array.from({ length: count }, (_, n) => String.fromCodePoint(0x1f300 + ((n * 37) % 257))).join('')
const similar = (to: string) => `The password is too similar to the ${to}.`

describe('rejected passwords', () => {
  test.each<[string, string | ((person: Person) => string), string]>([
    ['14 letters', 'gravel lantern', tooShort],
    ['8 emoji, which are 16 UTF-16 units', '🦉'.repeat(8), tooShort],
    ['14 emoji, which are 56 bytes', '🦉'.repeat(14), tooShort],
    ['257 letters', 'gravel '.repeat(37).slice(0, 257), tooLong],
    ['257 emoji', '🦉'.repeat(257), tooLong],
    ['a common password', 'Qwerty123456789', tooCommon],
    ['the name of the service', 'northwind traders', tooCommon],
    ['the repeated name of the service', 'NorthwindNorthwind', tooCommon],
    ['a common password and digits in order', 'Password1234567!', tooCommon],
    ['rows of keys', 'qwertyuiopasdfgh', tooCommon],
    ['one repeated emoji', '🦉'.repeat(64), tooCommon],
    ['invisible characters', '\u200b'.repeat(15), tooCommon],
    ['the username', ({ username }) => username.toUpperCase(), similar('username')],
    ['the email address', ({ email }) => email, similar('email address')],
    ['the first name', 'maximiliane charlotte', similar('first name')],
    ['the last name', 'Von Der Weidenau', similar('last name')],
    ['digits only', '837261948273651', 'This password is entirely numeric.'],
    ['a null character at the end', 'gravel lantern orbit\0', 'Null characters are not allowed.'],
    ['a null character inside', 'gravel\0lantern orbit', 'Null characters are not allowed.'],
  ])(
    'a password of %s is rejected with its reason, and link and account do not change [P1, P2, P3, P4, P7, P13]',
    async (_what, password, reason) => {
      const person = await someone()
      const before = await storedFor(person)
      const response = await reset(person, typeof password === 'string' ? password : password(person))
      expect(response.status).toBe(400)
      expect(Object.keys(response.json as object)).toEqual(['password'])
      expect((response.json as { password: string[] }).password).toContain(reason)
      expect(await storedFor(person)).toBe(before)
      expect((await reset(person, newPassword())).status).toBe(200)
    },
  )
})

describe('accepted passwords', () => {
  test.each<[string, string]>([
    ['15 small letters', 'gravellanternor'],
    ['15 emoji', emoji(15)],
    ['64 letters', 'gravel lantern orbit '.repeat(4).slice(0, 63) + '.'],
    ['64 emoji', emoji(64)],
    ['256 emoji', emoji(256)],
    ['words with spaces around them', '  gravel  lantern  '],
    [
      'all printable ASCII characters',
      Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + ((n * 37) % 95))).join(''),
    ],
    ['other scripts', 'пароль из слов 言葉のパスワード'],
    ['a phrase with a common password in it', 'Qwerty123456789 rides again'],
    ['a phrase with the name of the service in it', 'northwind traders sell gravel'],
  ])(
    'a password of %s is accepted, and stored whole and as it was typed [P1, P2, P3, P4, P6, P7]',
    async (_what, password) => {
      const person = await someone()
      const response = await reset(person, password)
      expect([response.status, response.json]).toEqual([200, { detail: 'Reset password successful' }])
      const stored = await storedFor(person)
      expect(await verify(stored, password)).toBe(true)
      const characters = Array.from(password)
      for (const cut of [characters.slice(0, -1), characters.slice(1), characters.slice(0, 64).slice(0, -1)])
        expect(await verify(stored, cut.join(''))).toBe(false)
    },
  )

  test('composed and decomposed accents make different passwords, as docs/decisions/0007 says [P5]', async () => {
    const [composed, decomposed] = ['café gravel lantern', 'café gravel lantern'].map((text, at) =>
      text.normalize(at === 0 ? 'NFC' : 'NFD'),
    ) as [string, string]
    for (const [set, typed] of [
      [composed, decomposed],
      [decomposed, composed],
    ] as const) {
      const person = await someone()
      expect((await reset(person, set)).status).toBe(200)
      expect(await app.passwordIs(person, set)).toBe(true)
      expect(await app.passwordIs(person, typed)).toBe(false)
    }
  })
})

describe('hashes of an older scheme [P10]', () => {
  const beginning = 'gravel lantern orbit '.repeat(4).slice(0, 72)
  test.each([
    ['Django’s PBKDF2', 'pbkdf2_sha256$1000000$Vr1PzJiK6Nd8$l2wT4rXvJ0qk0m1C3F4o5p6q7r8s9t0u1v2w3x4y5z0='],
    ['Django’s bcrypt', 'bcrypt_sha256$$2b$12$abcdefghijklmnopqrstuuK3zL9n1Q0mHkz8pN0vYc2rWJ7xG4y5e'],
    ['bcrypt', '$2b$12$abcdefghijklmnopqrstuuK3zL9n1Q0mHkz8pN0vYc2rWJ7xG4y5e'],
    ['Django’s scrypt', 'scrypt$abc$16384$8$5$bm8gcmVhbCBoYXNoIGF0IGFsbA=='],
  ])(
    'a reset replaces a hash of %s by Argon2id, which does not cut passwords at 72 bytes [P9, P10]',
    async (_what, old) => {
      const people = [await someone(), await someone()]
      for (const person of people) {
        await app.sql.query('UPDATE "rekey"."users" SET "password" = $1 WHERE "id" = $2', [old, person.id])
        expect((await reset(person, `${beginning}, and its end`)).status).toBe(200)
        const stored = await storedFor(person)
        expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
        expect(await verify(stored, `${beginning}, and its end`)).toBe(true)
        for (const other of [beginning, `${beginning}, and another`, `${beginning}, and its en`])
          expect(await verify(stored, other)).toBe(false)
      }
      expect(await storedFor(people[0]!)).not.toBe(await storedFor(people[1]!))
    },
  )

  test.each(['sha1', 'sha256', 'sha384', 'sha512'])(
    'two passwords whose %s digests begin with a zero byte have different hashes [P10]',
    async (digest) => {
      const found: string[] = []
      for (let n = 0; found.length < 2; n += 1) {
        const password = `gravel lantern ${n}`
        if (createHash(digest).update(password).digest()[0] === 0) found.push(password)
      }
      const [one, other] = found as [string, string]
      const stored = await createHashQueue().hash(one)
      expect([await verify(stored, one), await verify(stored, other)]).toEqual([true, false])
    },
  )
})

describe('the breach check [P8]', () => {
  const rangeOf = (password: string) => {
    const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
    return { path: `/range/${digest.slice(0, 5)}`, suffix: digest.slice(5) }
  }

  test('a breached password is rejected with its reason, and only five digits of its hash leave the app [P8]', async () => {
    const person = await someone()
    const password = newPassword()
    const { path, suffix } = rangeOf(password)
    respond = (_request, response) => void response.end(`${'A'.repeat(35)}:3\r\n${suffix}:7\r\n`)
    const response = await reset(person, password)
    expect([response.status, response.json]).toEqual([
      400,
      { password: ['This password has appeared in a data breach.'] },
    ])
    expect(received.map(({ method, url }) => [method, url])).toEqual([['GET', path]])
    expect(received[0]!.headers['add-padding']).toBe('true')
    expect(JSON.stringify(received[0]!.rawHeaders)).not.toContain(suffix)
    respond = knowsNoBreach
    expect((await reset(person, password)).status).toBe(200)
  })

  test('the breach service gets no request for a forged link, nor for a password that is rejected anyway [P8, T11]', async () => {
    const person = await someone()
    const link = { ...(await signedLinks(app).linkOf(person)), password: newPassword() }
    expect((await app.post('reset-password', { ...link, signature: 'A'.repeat(86) })).status).toBe(400)
    expect((await reset(person, 'gravel')).status).toBe(400)
    expect(received).toEqual([])
  })

  test('a password is accepted if the breach service does not respond in time [P8]', async () => {
    const link = await signedLinks(app).linkOf(await someone())
    respond = () => undefined
    expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
    expect(app.output()).toContain('"event":"breach_check_unavailable"')
  })
})

test('no form and no table has a hint, a secret question or an expiry date of a password [P6]', async () => {
  const link = await signedLinks(app).linkOf(await someone())
  const described = await fetch(`${app.url}${resetPath}`, { method: 'OPTIONS' })
  const { actions } = (await described.json()) as { actions: { POST: object } }
  expect(Object.keys(actions.POST).sort()).toEqual(['password', 'signature', 'timestamp', 'user_id'])
  const page = await fetch(
    `${app.url}/reset-password/?${new URLSearchParams({ ...link, timestamp: String(link.timestamp) })}`,
  )
  const names = [...(await page.text()).matchAll(/<(?:input|select|textarea)[^>]* name="([^"]+)"/g)]
  expect([...new Set(names.map(([, name]) => name))].sort()).toEqual([
    'password',
    'signature',
    'timestamp',
    'user_id',
    'username',
  ])
  const { rows } = await app.sql.query<{ column: string }>(
    `SELECT column_name AS "column" FROM information_schema.columns
      WHERE table_schema = 'rekey' AND table_name IN ('users', 'recovery')`,
  )
  expect(rows.length).toBeGreaterThan(10)
  expect(rows.filter(({ column }) => /question|answer|hint|expir/.test(column))).toEqual([])
})
