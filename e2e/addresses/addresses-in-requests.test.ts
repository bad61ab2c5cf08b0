import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { settled } from '@/e2e/support/settled-jobs'
import { requestLinkPath } from '@/e2e/support/endpoint-paths'
import { evil, sent, nothingSent, startObservedApp, type ObservedApp } from '@/e2e/support/observed-app'

let observed: ObservedApp
beforeAll(async () => void (observed = await startObservedApp()))
afterAll(() => observed?.stop())

describe('addresses in requests [C1, CVE-2023-7028, CVE-2026-8206]', () => {
  const lists = (field: string, victim: string): [string, string, string][] => [
    ['a list', 'application/json', JSON.stringify({ [field]: [victim, evil] })],
    ['a list of one', 'application/json', JSON.stringify({ [field]: [victim] })],
    ['an object', 'application/json', JSON.stringify({ [field]: { 0: victim, 1: evil } })],
    ['a nested list', 'application/json', JSON.stringify({ [field]: [[victim, evil]] })],
    ['brackets in a form', 'application/x-www-form-urlencoded', `${field}[]=${victim}&${field}[]=${evil}`],
    ['numbers in a form', 'application/x-www-form-urlencoded', `${field}[0]=${victim}&${field}[1]=${evil}`],
    [
      'brackets in multipart',
      'multipart/form-data; boundary=x',
      [victim, evil]
        .map((address) => `--x\r\nContent-Disposition: form-data; name="${field}[]"\r\n\r\n${address}\r\n`)
        .join('') + '--x--\r\n',
    ],
  ]

  test('a list of two addresses as a login is rejected in every encoding [C1, CVE-2023-7028]', async () => {
    const victim = await observed.app.addPerson()
    const out = await observed.during(async () => {
      for (const [what, type, body] of lists('login', victim.email)) {
        const response = await exchange(observed.app.port, {
          path: requestLinkPath,
          headers: [['Content-Type', type]],
          body,
        })
        expect([what, response.status]).toEqual([what, 400])
        expect(response.json).toEqual({ login: [expect.any(String)] })
      }
    })
    expect(out).toEqual(nothingSent)
  })

  test('a request that names the login twice uses only the last one [C1]', async () => {
    const victim = await observed.app.addPerson()
    const twice: [string, string][] = [
      ['application/json', `{"login":"${evil}","login":"${victim.email}"}`],
      ['application/x-www-form-urlencoded', `login=${evil}&login=${victim.email}`],
      ['application/json', `{"login":"${victim.email}","login":"${evil}"}`],
      ['application/x-www-form-urlencoded', `login=${victim.email}&login=${evil}`],
    ]
    const out = await observed.during(async () => {
      for (const [type, body] of twice) {
        const response = await exchange(observed.app.port, {
          path: requestLinkPath,
          headers: [['Content-Type', type]],
          body,
        })
        expect(response.status).toBe(200)
      }
    })
    expect(out.recipients).toEqual([victim.email, victim.email])
  })

  test('an address in another field, in the query or in a header is ignored [C1, CVE-2026-8206]', async () => {
    const victim = await observed.app.addPerson()
    const names =
      'to cc bcc from email email2 e-mail mail emails address addresses recipient recipients user_email user[email] ' +
      'account send_to sendTo mail_to envelope replyTo reply_to notify redirect_email __proto__ constructor'
    const others = Object.fromEntries(names.split(' ').map((name) => [name, evil]))
    const lists = Object.fromEntries(names.split(' ').map((name) => [name, [evil]]))
    const query = new URLSearchParams({ ...others, login: evil }).toString()
    const out = await observed.during(async () => {
      for (const body of [
        { ...others, login: victim.email },
        { ...lists, login: victim.email },
        { login: victim.email, user: { email: evil }, data: { to: evil } },
      ]) {
        const response = await exchange(observed.app.port, {
          path: `${requestLinkPath}?${query}`,
          headers: [
            ['Content-Type', 'application/json'],
            ...['To', 'From', 'Email', 'X-Email', 'X-Forwarded-Email', 'X-Forwarded-User', 'Remote-User'].map(
              (name) => [name, evil] as const,
            ),
            ['Authorization', `Basic ${Buffer.from(`${evil}:x`).toString('base64')}`],
            ['Cookie', `email=${evil}; login=${evil}`],
          ],
          body: JSON.stringify(body),
        })
        expect([response.status, response.json]).toEqual(sent)
      }
    })
    expect(out.recipients).toEqual([victim.email, victim.email, victim.email])
    for (const { raw } of observed.sink.emails) expect(raw.toString()).not.toContain('evil.example')
  })

  describe('settings that rename the field to email and reveal unknown accounts', () => {
    let strict: RunningApp
    beforeAll(async () => {
      strict = await startApp({
        env: {
          SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true',
          RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
        },
      })
    })
    afterAll(() => strict?.stop())

    test('a list of addresses in the field email is rejected in every encoding [C1, CVE-2023-7028]', async () => {
      const victim = await strict.addPerson()
      for (const [what, type, body] of lists('email', victim.email)) {
        const response = await exchange(strict.port, {
          path: requestLinkPath,
          headers: [['Content-Type', type]],
          body,
        })
        expect([what, response.status]).toEqual([what, 400])
        expect(response.json).toEqual({ email: [expect.any(String)] })
      }
      await settled(strict)
      expect(strict.sink.emails).toEqual([])
    })
  })
})
