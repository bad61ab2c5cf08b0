import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

/** A service as PASSWORD_BREACH_CHECK_URL names one, that answers as a test wants. */
const ranges = createServer((request, response) => {
  asked.push(request)
  answerRange(request, response)
})
const knowsNone = (_request: IncomingMessage, response: ServerResponse) =>
  void response.end(`${'0'.repeat(35)}:0\r\n`)
let asked: IncomingMessage[]
let answerRange: (request: IncomingMessage, response: ServerResponse) => void

let app: RunningApp
beforeAll(async () => {
  ranges.listen(0, '127.0.0.1')
  await once(ranges, 'listening')
  const { port } = ranges.address() as AddressInfo
  app = await startApp({
    env: {
      APP_NAME: 'Northwind Traders',
      PASSWORD_BREACH_CHECK_URL: `http://127.0.0.1:${port}/range/`,
    },
  })
})
beforeEach(() => {
  asked = []
  answerRange = knowsNone
})
afterAll(async () => {
  await app?.stop()
  ranges.closeAllConnections()
  ranges.close()
})

const { verify } = createHashQueue()

/** Somebody whose names are like nothing but themselves. */
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
/** As many different ones as there are, so that they are no repetition. */
const emoji = (count: number) =>
  Array.from({ length: count }, (_, n) => String.fromCodePoint(0x1f300 + ((n * 37) % 257))).join('')
const similar = (to: string) => `The password is too similar to the ${to}.`

describe('what is refused, with the reason, and leaves link and account as they were', () => {
  test.each<[string, string | ((person: Person) => string), string]>([
    ['P1: 14 letters', 'gravel lantern', tooShort],
    ['P3: 8 emoji, which are 16 UTF-16 units', '🦉'.repeat(8), tooShort],
    ['P3: 14 emoji, which are 56 bytes', '🦉'.repeat(14), tooShort],
    ['P2: 257 letters', 'gravel '.repeat(37).slice(0, 257), tooLong],
    ['P2: 257 emoji', '🦉'.repeat(257), tooLong],
    ['P7: a password that everybody has', 'Qwerty123456789', tooCommon],
    ['P7: the name of the service', 'northwind traders', tooCommon],
    ['P13: the name of the service, repeated', 'NorthwindNorthwind', tooCommon],
    ['P13: a common password and digits in order', 'Password1234567!', tooCommon],
    ['P13: rows of keys', 'qwertyuiopasdfgh', tooCommon],
    ['P13: one emoji', '🦉'.repeat(64), tooCommon],
    ['P13: what nobody sees', '\u200b'.repeat(15), tooCommon],
    ['P7: the username', ({ username }) => username.toUpperCase(), similar('username')],
    ['P7: the address', ({ email }) => email, similar('email address')],
    ['P7: the first name', 'maximiliane charlotte', similar('first name')],
    ['P7: the last name', 'Von Der Weidenau', similar('last name')],
    ['P7: nothing but digits', '837261948273651', 'This password is entirely numeric.'],
    ['P4: a NUL at the end', 'gravel lantern orbit\0', 'Null characters are not allowed.'],
    ['P4: a NUL inside', 'gravel\0lantern orbit', 'Null characters are not allowed.'],
  ])('%s', async (_what, password, reason) => {
    const person = await someone()
    const before = await storedFor(person)
    const response = await reset(person, typeof password === 'string' ? password : password(person))
    expect(response.status).toBe(400)
    expect(Object.keys(response.json as object)).toEqual(['password'])
    expect((response.json as { password: string[] }).password).toContain(reason)
    expect(await storedFor(person)).toBe(before)
    expect((await reset(person, newPassword())).status).toBe(200)
  })
})

describe('what is taken, whole and as it was typed', () => {
  test.each<[string, string]>([
    ['P1, P6: 15 small letters', 'gravellanternor'],
    ['P3: 15 emoji', emoji(15)],
    ['P2: 64 letters', 'gravel lantern orbit '.repeat(4).slice(0, 63) + '.'],
    ['P2: 64 emoji', emoji(64)],
    ['P2: 256 emoji', emoji(256)],
    ['P4: spaces at both ends and inside', '  gravel  lantern  '],
    [
      'P4: all of printable ASCII',
      Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + ((n * 37) % 95))).join(''),
    ],
    ['P4: other scripts', 'пароль из слов 言葉のパスワード'],
    ['P7: a phrase with a common password in it', 'Qwerty123456789 rides again'],
    ['P7: a phrase with the name of the service in it', 'northwind traders sell gravel'],
  ])('%s', async (_what, password) => {
    const person = await someone()
    const response = await reset(person, password)
    expect([response.status, response.json]).toEqual([200, { detail: 'Reset password successful' }])
    const stored = await storedFor(person)
    expect(await verify(stored, password)).toBe(true)
    const characters = Array.from(password)
    for (const cut of [characters.slice(0, -1), characters.slice(1), characters.slice(0, 64).slice(0, -1)])
      expect(await verify(stored, cut.join(''))).toBe(false)
  })

  test('an accent of one code point and one of two are two passwords, as docs/decisions/0007 says [P5]', async () => {
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
    '%s is gone after a reset, and no password is cut at 72 bytes any more [P9, P10]',
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
    'two passwords whose %s begins with a zero byte are two passwords [P10]',
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

  test('a breached password is refused with its reason; five hex digits and the wish for padding are all that was sent [P8]', async () => {
    const person = await someone()
    const password = newPassword()
    const { path, suffix } = rangeOf(password)
    answerRange = (_request, response) => void response.end(`${'A'.repeat(35)}:3\r\n${suffix}:7\r\n`)
    const response = await reset(person, password)
    expect([response.status, response.json]).toEqual([
      400,
      { password: ['This password has appeared in a data breach.'] },
    ])
    expect(asked.map(({ method, url }) => [method, url])).toEqual([['GET', path]])
    expect(asked[0]!.headers['add-padding']).toBe('true')
    expect(JSON.stringify(asked[0]!.rawHeaders)).not.toContain(suffix)
    answerRange = knowsNone
    expect((await reset(person, password)).status).toBe(200)
  })

  test('nothing is asked for a forged link, nor for a password that fails already [P8, T11]', async () => {
    const person = await someone()
    const link = { ...(await signedLinks(app).linkOf(person)), password: newPassword() }
    expect((await app.post('reset-password', { ...link, signature: 'A'.repeat(86) })).status).toBe(400)
    expect((await reset(person, 'gravel')).status).toBe(400)
    expect(asked).toEqual([])
  })

  test('a service that says nothing is given up, and the password counts as unknown [P8]', async () => {
    const link = await signedLinks(app).linkOf(await someone())
    answerRange = () => undefined
    expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
    expect(app.output()).toContain('"event":"breach_check_unavailable"')
  })
})

test('nothing asks for a hint or a secret question, and no password ends on a date [P6]', async () => {
  const link = await signedLinks(app).linkOf(await someone())
  const described = await fetch(`${app.url}/api/v1/accounts/reset-password/`, { method: 'OPTIONS' })
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
