import { afterAll, beforeAll, expect, test } from 'vitest'
import { newPassword, readLink, startApp, type RunningApp } from '@/e2e/support/running-app'

let app: RunningApp
beforeAll(async () => {
  app = await startApp({ env: { WEB_CONCURRENCY: '2', LOG_LEVEL: 'debug' } })
}, 120_000)
afterAll(() => app?.stop())

type Line = { event?: string; requestId?: string; emailId?: string; reply?: string }
const lines = () =>
  app
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
const eventsOf = (requestId: string) =>
  lines().flatMap((line) => (line.requestId === requestId && line.event ? [line.event] : []))

test('every log line about a request’s job and email has the request id of the response [L2]', async () => {
  const person = await app.addPerson()
  app.sink.refuse = { code: 451, text: '4.7.1 later' }
  const requested = await app.post('send-reset-password-link', { login: person.username })
  const requestId = requested.headers.get('x-request-id')!
  await expect.poll(() => eventsOf(requestId), { timeout: 20_000 }).toContain('email_deferred')
  app.sink.refuse = undefined
  await app.sql.query(`UPDATE rekey_queue.job SET "start_after" = now() WHERE "state" = 'retry'`)
  const email = await app.sink.next(person.email, 40_000)
  await expect.poll(() => eventsOf(requestId)).toContain('authn_token_created')
  expect(eventsOf(requestId)).toEqual([
    'authn_password_reset_requested',
    'email_deferred',
    'email_accepted',
    'authn_token_created',
  ])
  const accepted = lines().find((line) => line.event === 'email_accepted' && line.requestId === requestId)!
  expect(email.mail.messageId).toBe(`<${accepted.emailId}@rekey.example>`)
  expect(accepted.reply).toMatch(/^250/)

  const { link } = email
  const reset = await app.post('reset-password', { ...readLink(link), password: newPassword() })
  const resetId = reset.headers.get('x-request-id')!
  expect(resetId).not.toBe(requestId)
  await app.sink.next(person.email)
  await expect.poll(() => eventsOf(resetId)).toContain('authn_password_change_notified')
  expect(eventsOf(resetId)).toEqual([
    'authn_password_change',
    'email_accepted',
    'authn_password_change_notified',
  ])
}, 90_000)

test('with many requests at once, every log line has the id of its own request [L2]', async () => {
  const people = await Promise.all(Array.from({ length: 12 }, () => app.addPerson()))
  const requested = await Promise.all(
    people.map(async ({ username, email }) => {
      const answer = await app.post('send-reset-password-link', { login: username })
      return { email, requestId: answer.headers.get('x-request-id')! }
    }),
  )
  for (const { email, requestId } of requested) {
    const { mail } = await app.sink.next(email)
    await expect.poll(() => eventsOf(requestId)).toContain('authn_token_created')
    const accepted = lines().filter((line) => line.event === 'email_accepted' && line.requestId === requestId)
    expect(accepted.map(({ emailId }) => `<${emailId}@rekey.example>`)).toEqual([mail.messageId])
  }
})

test('every log line about emails, accounts and jobs has a request id, and no line has a link or an address [L2, L3]', () => {
  const all = lines()
  for (const line of all)
    if (/^(email_|authn_|job_)/.test(line.event ?? '')) expect(line.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(all.length).toBeGreaterThan(30)
  expect(app.output()).not.toMatch(/signature=|@example\.com/)
})
