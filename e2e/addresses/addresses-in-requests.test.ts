import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import {
  evil,
  path,
  sent,
  settled,
  silence,
  startOverheardApp,
  type OverheardApp,
} from '@/e2e/support/overheard-app'

// A request that tries to choose the address of the email.

let overheard: OverheardApp
beforeAll(async () => void (overheard = await startOverheardApp()))
afterAll(() => overheard?.stop())

describe('an address from the request [C1, CVE-2023-7028, CVE-2026-8206]', () => {
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

  test('in a list beside another one is refused, in every encoding [C1, CVE-2023-7028]', async () => {
    const victim = await overheard.app.addPerson()
    const out = await overheard.during(async () => {
      for (const [what, type, body] of lists('login', victim.email)) {
        const answer = await exchange(overheard.app.port, { path, headers: [['Content-Type', type]], body })
        expect([what, answer.status]).toEqual([what, 400])
        expect(answer.json).toEqual({ login: [expect.any(String)] })
      }
    })
    expect(out).toEqual(silence)
  })

  test('of two that are given under one name the last alone counts [C1]', async () => {
    const victim = await overheard.app.addPerson()
    const twice: [string, string][] = [
      ['application/json', `{"login":"${evil}","login":"${victim.email}"}`],
      ['application/x-www-form-urlencoded', `login=${evil}&login=${victim.email}`],
      ['application/json', `{"login":"${victim.email}","login":"${evil}"}`],
      ['application/x-www-form-urlencoded', `login=${victim.email}&login=${evil}`],
    ]
    const out = await overheard.during(async () => {
      for (const [type, body] of twice) {
        const answer = await exchange(overheard.app.port, { path, headers: [['Content-Type', type]], body })
        expect(answer.status).toBe(200)
      }
    })
    expect(out.recipients).toEqual([victim.email, victim.email])
  })

  test('beside the login, in the query or in a header goes unread [C1, CVE-2026-8206]', async () => {
    const victim = await overheard.app.addPerson()
    const names =
      'to cc bcc from email email2 e-mail mail emails address addresses recipient recipients user_email user[email] ' +
      'account send_to sendTo mail_to envelope replyTo reply_to notify redirect_email __proto__ constructor'
    const beside = Object.fromEntries(names.split(' ').map((name) => [name, evil]))
    const lists = Object.fromEntries(names.split(' ').map((name) => [name, [evil]]))
    const query = new URLSearchParams({ ...beside, login: evil }).toString()
    const out = await overheard.during(async () => {
      for (const body of [
        { ...beside, login: victim.email },
        { ...lists, login: victim.email },
        { login: victim.email, user: { email: evil }, data: { to: evil } },
      ]) {
        const answer = await exchange(overheard.app.port, {
          path: `${path}?${query}`,
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
        expect([answer.status, answer.json]).toEqual(sent)
      }
    })
    expect(out.recipients).toEqual([victim.email, victim.email, victim.email])
    for (const { raw } of overheard.sink.emails) expect(raw.toString()).not.toContain('evil.example')
  })

  describe('where the field is called email and unknown accounts are told', () => {
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

    test('a list is refused there, too [C1, CVE-2023-7028]', async () => {
      const victim = await strict.addPerson()
      for (const [what, type, body] of lists('email', victim.email)) {
        const answer = await exchange(strict.port, { path, headers: [['Content-Type', type]], body })
        expect([what, answer.status]).toEqual([what, 400])
        expect(answer.json).toEqual({ email: [expect.any(String)] })
      }
      await settled(strict)
      expect(strict.sink.emails).toEqual([])
    })
  })
})
