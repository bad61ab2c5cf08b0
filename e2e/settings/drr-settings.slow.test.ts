import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildLinkUrl } from '@/lib/password-reset/reset-link'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { exchange } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { cancelPath, requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

const json: [string, string] = ['Content-Type', 'application/json']
const asBrowser: [string, string][] = [
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Accept', 'text/html,*/*;q=0.8'],
  ['Origin', 'null'],
  ['Sec-Fetch-Site', 'same-origin'],
]

let database: TestDatabase
let sink: MailSink
let app: RunningApp
beforeAll(async () => {
  database = await createTestDatabase()
  sink = await startMailSink()
})
afterAll(async () => {
  await sink?.close()
  await database?.drop()
})

function withSettings(env: Record<string, string>) {
  beforeAll(async () => {
    app = await startApp({ env, database, sink })
    // The tests of all settings are one client to the rate limits.
    await app.sql.query('DELETE FROM "rekey"."limits"')
  })
  afterAll(() => app?.stop())
}

async function requestsStored(): Promise<number> {
  const { rows } = await app.sql.query<{ stored: string }>(
    `SELECT count(*) AS "stored" FROM rekey_queue.job WHERE name = 'link-request'`,
  )
  return Number(rows[0]!.stored)
}

describe('endpoints and pages with RESET_PASSWORD_VERIFICATION_ENABLED=false', () => {
  withSettings({
    RESET_PASSWORD_VERIFICATION_ENABLED: 'false',
    CORS_ALLOWED_ORIGINS: 'https://front.example',
  })
  const notFound = { detail: 'Not found.' }

  test.each<[string, [string, string][], string]>([
    ['a valid request', [json], '{"login":"nobody"}'],
    ['an empty request', [], ''],
    ['a malformed body', [json], '{'],
    ['an unknown media type', [['Content-Type', 'text/plain']], 'x'],
    ['a request of an allowed front end', [json, ['Origin', 'https://front.example']], '{}'],
  ])('%s gets 404 from both endpoints while resets are switched off', async (_what, headers, body) => {
    for (const path of [requestLinkPath, resetPath]) {
      const response = await exchange(app.port, { path, headers, body })
      expect([response.status, response.json]).toEqual([404, notFound])
    }
  })

  test('an error in size, method, Accept header or origin comes before the 404 of a switched-off endpoint', async () => {
    for (const path of [requestLinkPath, resetPath]) {
      const status = async (given: object) =>
        (await exchange(app.port, { path, body: '{}', ...given })).status
      expect(await status({ headers: [json], body: ' '.repeat(16_385) })).toBe(413)
      expect(await status({ headers: [json], body: ' '.repeat(16_385), chunkSize: 4096 })).toBe(404) // The body is not read.
      expect(await status({ method: 'GET' })).toBe(405)
      expect(await status({ headers: [json, ['Accept', 'image/png']] })).toBe(406)
      expect(await status({ headers: [json, ['Origin', 'null']] })).toBe(403)
      expect(await status({ method: 'OPTIONS' })).toBe(404)
    }
  })

  test('a link that was mailed before resets were switched off neither resets nor requests anything', async () => {
    const person = await app.addPerson()
    const password = newPassword()
    const link = await signedLinks(app).linkOf(person)
    expect((await app.post('reset-password', { ...link, password })).status).toBe(404)
    expect((await app.post('send-reset-password-link', link)).status).toBe(404)
    expect(await app.passwordIs(person, password)).toBe(false)
    expect(await requestsStored()).toBe(0)
  })

  test('the pages of requests and resets get 404 while resets are switched off, and cancel links still work', async () => {
    const person = await app.addPerson()
    const mailed = await signedLinks(app).linkOf(person)
    const link = await signedLinks(app).linkOf(person, { purpose: 'cancel' })
    for (const path of [
      '/',
      '/.well-known/change-password',
      '/forgot-password/',
      '/forgot-password/sent/',
      '/reset-password/',
      buildLinkUrl(`${app.url}/reset-password/`, mailed),
      '/reset-password/done/',
    ]) {
      const page = await fetch(new URL(path, app.url))
      expect([path, page.status]).toEqual([path, 404])
      expect(await page.text()).not.toMatch(/<form|href="\/forgot-password|name="signature"/)
    }
    const page = await fetch(buildLinkUrl(`${app.url}/cancel-reset/`, link))
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('name="signature"')])
    const cancel = () => exchange(app.port, { path: cancelPath, headers: [json], body: JSON.stringify(link) })
    expect((await cancel()).status).toBe(200)
    expect((await cancel()).json).toMatchObject({ code: 'signature-used' })
  })

  test('the page of a cancel link promises no new link while resets are switched off', async () => {
    const link = await signedLinks(app).linkOf(await app.addPerson(), { purpose: 'cancel-change' })
    const pageAt = async (address: string) => (await fetch(new URL(address, app.url))).text()
    const pageOfLink = () => pageAt(buildLinkUrl(`${app.url}/cancel-reset/`, link))
    const valid = await pageOfLink()
    expect(valid).toContain('Somebody chose a new password for your account')
    expect(
      (await exchange(app.port, { path: cancelPath, headers: [json], body: JSON.stringify(link) })).status,
    ).toBe(200)
    const used = await pageOfLink()
    expect(used).toContain('This has already been done')
    const done = await pageAt('/cancel-reset/done/')
    expect(done).toContain('The links are stopped')
    for (const html of [valid, used, done])
      expect(html).not.toMatch(/new link|newest email|secure my account/)
    expect(await requestsStored()).toBe(0)
  })

  test('a form of a browser gets a redirect to its page with an error while resets are switched off', async () => {
    const response = await exchange(app.port, { path: requestLinkPath, headers: asBrowser, body: 'login=x' })
    expect([response.status, response.headers.location]).toEqual([303, '/forgot-password/?error=refused'])
  })
})

describe('settings for password_confirm, the field email, and revealed accounts', () => {
  withSettings({
    RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: 'true',
    SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true',
    RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
  })
  let person: Person
  beforeAll(async () => {
    person = await app.addPerson()
  })
  const requestLink = async (body: unknown) => {
    const { status, json: response } = await app.post('send-reset-password-link', body)
    return [status, response]
  }
  const found = [200, { detail: 'Reset link sent' }]
  const notFound = [400, { detail: 'User not found', code: 'user-not-found' }]

  test('an endpoint whose field is called email requires it, and ignores login', async () => {
    expect(await requestLink({ email: person.email })).toEqual(found)
    expect((await app.sink.next(person.email)).recipients).toEqual([person.email])
    expect(await requestLink({ login: person.email })).toEqual([400, { email: ['This field is required.'] }])
    expect(await requestLink({ email: 5, login: 'x' })).toEqual(notFound)
    expect(await requestLink({ email: [person.email] })).toEqual([400, { email: ['Not a valid string.'] }])
  })

  test('an endpoint whose field is called email finds accounts by email address only', async () => {
    expect(await requestLink({ email: person.username })).toEqual(notFound)
    expect(await requestLink({ email: person.email.toUpperCase() })).toEqual(found)
  })

  test('an endpoint that reveals unknown accounts also rejects requests for accounts that get no email', async () => {
    const [disabled, passwordless] = [
      await app.addPerson({ isActive: false }),
      await app.addPerson({ password: null }),
    ]
    for (const { email } of [disabled, passwordless, { email: 'nobody@example.com' }])
      expect(await requestLink({ email })).toEqual(notFound)
    const before = await requestsStored()
    await requestLink({ email: 'nobody@example.com' })
    expect(await requestsStored()).toBe(before)
  })

  test('the code of an unknown account is the same in German', async () => {
    const response = await app.post(
      'send-reset-password-link',
      { email: 'nobody@example.com' },
      { 'Accept-Language': 'de' },
    )
    expect(response.json).toEqual({
      detail: expect.not.stringMatching('User not found'),
      code: 'user-not-found',
    })
  })

  test('a form without scripts comes back with a message about the unknown account', async () => {
    const body = new URLSearchParams({ email: 'nobody@example.com' }).toString()
    const response = await exchange(app.port, { path: requestLinkPath, headers: asBrowser, body })
    expect([response.status, response.headers.location]).toEqual([
      303,
      '/forgot-password/?error=user-not-found',
    ])
    const page = await exchange(app.port, { method: 'GET', path: response.headers.location! })
    expect(page.text).toMatch(/<ul id="login-errors".*There is no account for this\./)
  })

  test('an expired link requests a new one without the field email, and a forged one gets the error of a missing field', async () => {
    const other = await app.addPerson()
    const link = await signedLinks(app).linkOf(other, { age: 3700 })
    expect(await requestLink(link)).toEqual(found)
    expect((await app.sink.next(other.email)).recipients).toEqual([other.email])
    expect(await requestLink({ ...link, signature: 'x' })).toEqual([
      400,
      { email: ['This field is required.'] },
    ])
  })

  test('the response to OPTIONS names the fields that these settings require', async () => {
    const fieldsOf = async (path: string) => {
      const { json: described } = await exchange(app.port, { method: 'OPTIONS', path })
      return Object.keys((described as { actions: { POST: object } }).actions.POST)
    }
    expect(await fieldsOf(requestLinkPath)).toEqual(['email'])
    expect(await fieldsOf(resetPath)).toEqual([
      'user_id',
      'timestamp',
      'signature',
      'password',
      'password_confirm',
    ])
  })

  test('the repetition is required and must match, and the link still works after a mismatch [P12]', async () => {
    const other = await app.addPerson()
    const link = await signedLinks(app).linkOf(other)
    const password = newPassword()
    const reset = async (fields: object) => {
      const { status, json: response } = await app.post('reset-password', { ...link, ...fields })
      return [status, response]
    }
    const mismatch = { password_confirm: ["Passwords don't match"] }
    expect(await reset({ password })).toEqual([400, { password_confirm: ['This field is required.'] }])
    expect(await reset({ password, password_confirm: '' })).toEqual([
      400,
      { password_confirm: ['This field may not be blank.'] },
    ])
    expect(await reset({ password, password_confirm: `${password} ` })).toEqual([400, mismatch])
    expect(await reset({ password: 'lantern gravel', password_confirm: 'x' })).toEqual([
      400,
      { password: ['This password is too short. It must contain at least 15 characters.'], ...mismatch },
    ])
    expect(await reset({ password, password_confirm: password })).toEqual([
      200,
      { detail: 'Reset password successful' },
    ])
  })
})

describe.each([
  ['username', 'Username', 'type="text"'],
  ['email', 'Email address', 'type="email"'],
])('the pages with USER_LOGIN_FIELDS=%s', (fields, label, type) => {
  withSettings({ USER_LOGIN_FIELDS: fields })

  test('the page labels its field with the only kind of login that is searched', async () => {
    const { text } = await exchange(app.port, {
      method: 'GET',
      path: '/forgot-password/?error=login.blank&lang=en',
    })
    expect(text).toMatch(new RegExp(`<label for="login"[^>]*>${label}</label>`))
    expect(text).toMatch(
      new RegExp(`<input[^>]* ${type}[^>]* name="login"|<input[^>]* name="login"[^>]* ${type}`),
    )
    expect(text).toContain(`>Please enter your ${label.toLowerCase()}.<`)
    const sent = await exchange(app.port, { method: 'GET', path: '/forgot-password/sent/?lang=en' })
    const other = label.toLowerCase().replace('email ', '')
    expect(sent.text).toContain(`>Try another ${other}<`)
  })
})

describe('rate limits of the endpoints', () => {
  withSettings({
    LIMIT_REQUESTS_PER_CLIENT: '3/10m',
    LIMIT_RESETS_PER_CLIENT: '3/10m',
    CORS_ALLOWED_ORIGINS: 'https://front.example',
  })

  test('a malformed request is not counted, and its error comes before that of a rate limit', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    const cases = [
      { path: requestLinkPath, bad: {}, good: { login: 'nobody' } },
      { path: resetPath, bad: { ...link }, good: { ...link, signature: 'x', password } },
    ]
    for (const { path, bad, good } of cases) {
      const post = (body: object, headers: [string, string][] = []) =>
        exchange(app.port, { path, headers: [json, ...headers], body: JSON.stringify(body) })
      for (let i = 0; i < 5; i += 1) expect((await post(bad)).status).toBe(400)
      const counted = [await post(good), await post(good), await post(good)]
      expect(counted.map(({ status }) => status)).not.toContain(429)

      const rejected = await post(good, [['Origin', 'https://front.example']])
      const seconds = Number(rejected.headers['retry-after'])
      expect(rejected.status).toBe(429)
      expect(seconds).toBeGreaterThan(0)
      expect(rejected.json).toEqual({
        detail: `Request was throttled. Expected available in ${seconds} seconds.`,
      })
      expect(rejected.headers['access-control-expose-headers']).toMatch(/\bRetry-After\b/)
      expect((await post(bad)).status).toBe(400)
      expect((await exchange(app.port, { path, headers: [json], body: '{' })).status).toBe(400)
    }
  })

  test('a client at its limit for forged links can still use a valid one [R10]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    const forged = () => app.post('reset-password', { ...link, signature: 'x', password })
    await expect.poll(async () => (await forged()).status).toBe(429)
    expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
    expect(await app.passwordIs(person, password)).toBe(true)
  })

  test('a form beyond a rate limit gets a redirect to its page with an error', async () => {
    const response = await exchange(app.port, { path: requestLinkPath, headers: asBrowser, body: 'login=x' })
    expect([response.status, response.headers.location]).toEqual([303, '/forgot-password/?error=throttled'])
    const body = 'user_id=a&timestamp=1&signature=b&password=typed'
    const reset = await exchange(app.port, { path: resetPath, headers: asBrowser, body })
    expect(reset.headers.location).toBe('/reset-password/?user_id=a&timestamp=1&signature=b&error=throttled')
  })
})
