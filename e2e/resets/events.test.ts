import { afterAll, beforeAll, expect, test } from 'vitest'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, readLink, startApp, type RunningApp } from '@/e2e/support/running-app'

// What an operator reads afterwards: every step of a story, by the names that are looked for.

type Line = { level: string; time: string; name: string; host: string; pid: number; event?: string } & Record<
  string,
  unknown
>

let app: RunningApp
beforeAll(async () => {
  app = await startApp({ env: { LIMIT_REQUESTS_PER_CLIENT: '5/10m' } })
})
afterAll(() => app?.stop())

const lines = () =>
  app
    .output()
    .split('\n')
    // The start says on a line for people where the app is.
    .filter((line) => line !== '' && !/^Rekey is /.test(line))
    .map((line) => JSON.parse(line) as Line)
const seen = (event: string) => lines().filter((line) => line.event === event)

async function cancel(link: unknown) {
  return fetch(`${app.url}/api/v1/accounts/cancel-reset-password/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(link),
  })
}

test('every step is told by the names of OWASP’s vocabulary, and nothing is told that did not happen [L1, L2]', async () => {
  const person = await app.addPerson()
  const { linkOf } = signedLinks(app)
  const ask = () => app.post('send-reset-password-link', { login: person.username })
  const reset = (link: object, password = newPassword()) => app.post('reset-password', { ...link, password })

  expect(lines().map(({ event }) => event)).toEqual(expect.arrayContaining(['sys_startup', 'worker_started']))

  // Asked while the mail server puts emails off; then it takes them.
  app.sink.refuse = { code: 451, text: 'not now' }
  const asked = await ask()
  await expect.poll(() => seen('email_deferred').length, { timeout: 20_000 }).toBeGreaterThan(0)
  app.sink.refuse = undefined
  // The test does not wait for what the app would wait for.
  const hurry = `UPDATE rekey_queue.job SET start_after = now() WHERE state = 'retry'`
  await expect.poll(async () => (await app.sql.query(hurry)).rowCount).toBe(1)
  const email = await app.sink.next(person.email, 30_000)
  await expect.poll(() => seen('authn_token_created').length).toBe(1)

  // One id leads from the response to the email.
  const requestId = asked.headers.get('x-request-id')
  for (const event of ['authn_password_reset_requested', 'email_deferred', 'authn_token_created'])
    expect([event, seen(event)[0]?.requestId]).toEqual([event, requestId])

  // An email that is refused for good.
  app.sink.refuse = { code: 550, text: 'nobody here' }
  await ask()
  await expect.poll(() => seen('authn_token_undelivered').length, { timeout: 20_000 }).toBe(1)
  app.sink.refuse = undefined

  const link = readLink(email.link)
  const signature = link.signature.replace(/^./, (one) => (one === 'A' ? 'B' : 'A'))
  await reset({ ...link, signature })
  await reset(await linkOf(person, { age: 7200 }))
  await reset(link, 'short of it')
  await reset(link)
  await reset(link)
  const changed = await app.sink.next(person.email)
  await cancel(readLink(changed.cancelLink))
  await app.sink.next(person.email)
  for (let more = 0; more < 5; more += 1) await ask()
  await expect.poll(() => seen('authn_token_held_back').length, { timeout: 20_000 }).toBeGreaterThan(0)
  expect(await app.stop()).toBe(0)

  const reasons: Record<string, string[]> = {}
  for (const { event, reason } of lines()) {
    if (event === undefined || !/^(authn|excess|session|sys|worker|email)_/.test(event)) continue
    const told = new Set(reasons[event])
    reasons[event] = [...(typeof reason === 'string' ? told.add(reason) : told)].sort()
  }
  expect(reasons).toEqual({
    sys_startup: [],
    worker_started: [],
    authn_password_reset_requested: [],
    email_deferred: ['EENVELOPE 451 RCPT TO'],
    authn_token_created: ['250 OK: message queued'],
    email_accepted: [],
    email_failed: ['EENVELOPE 550 RCPT TO'],
    authn_token_undelivered: ['EENVELOPE 550 RCPT TO'],
    authn_password_change_fail: ['password-rejected', 'signature-expired', 'signature-invalid'],
    authn_password_change: [],
    authn_password_change_notified: ['250 OK: message queued'],
    authn_token_reuse: ['signature-used'],
    authn_token_revoked: ['cancel-change'],
    authn_token_held_back: ['email-limit'],
    excess_rate_limit_exceeded: ['requestsPerClient'],
    worker_stopped: [],
    sys_shutdown: [],
  })
})

test('every line has its time in UTC, its level and the process that wrote it [L2]', () => {
  for (const line of lines()) {
    expect(line).toMatchObject({
      level: expect.stringMatching(/^(info|warn|error)$/),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      name: expect.stringMatching(/^(supervisor|rekey|worker)$/),
      host: expect.stringMatching(/./),
      pid: expect.any(Number),
    })
  }
})
