import { afterAll, beforeAll, expect, test } from 'vitest'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, readLink, startApp, type RunningApp } from '@/e2e/support/running-app'
import { cancelPath } from '@/e2e/support/endpoint-paths'

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
    // The message about the start is the only line that is not JSON.
    .filter((line) => line !== '' && !/^Rekey is /.test(line))
    .map((line) => JSON.parse(line) as Line)
const linesOf = (event: string) => lines().filter((line) => line.event === event)

async function cancel(link: unknown) {
  return fetch(`${app.url}${cancelPath}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(link),
  })
}

test('every step of a reset is logged under its name in OWASP’s vocabulary, and nothing else is logged [L1, L2]', async () => {
  const person = await app.addPerson()
  const { linkOf } = signedLinks(app)
  const requestLink = () => app.post('send-reset-password-link', { login: person.username })
  const reset = (link: object, password = newPassword()) => app.post('reset-password', { ...link, password })

  expect(lines().map(({ event }) => event)).toEqual(expect.arrayContaining(['sys_startup', 'worker_started']))

  app.sink.refuse = { code: 451, text: 'not now' }
  const requested = await requestLink()
  await expect.poll(() => linesOf('email_deferred').length, { timeout: 20_000 }).toBeGreaterThan(0)
  app.sink.refuse = undefined
  const makeDue = `UPDATE rekey_queue.job SET start_after = now() WHERE state = 'retry'`
  await expect.poll(async () => (await app.sql.query(makeDue)).rowCount).toBe(1)
  const email = await app.sink.next(person.email, 30_000)
  await expect.poll(() => linesOf('authn_token_created').length).toBe(1)

  const requestId = requested.headers.get('x-request-id')
  for (const event of ['authn_password_reset_requested', 'email_deferred', 'authn_token_created'])
    expect([event, linesOf(event)[0]?.requestId]).toEqual([event, requestId])

  app.sink.refuse = { code: 550, text: 'nobody here' }
  await requestLink()
  await expect.poll(() => linesOf('authn_token_undelivered').length, { timeout: 20_000 }).toBe(1)
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
  for (let more = 0; more < 5; more += 1) await requestLink()
  await expect.poll(() => linesOf('authn_token_held_back').length, { timeout: 20_000 }).toBeGreaterThan(0)
  expect(await app.stop()).toBe(0)

  const reasons: Record<string, string[]> = {}
  for (const { event, reason } of lines()) {
    if (event === undefined || !/^(authn|excess|session|sys|worker|email)_/.test(event)) continue
    const known = new Set(reasons[event])
    reasons[event] = [...(typeof reason === 'string' ? known.add(reason) : known)].sort()
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

test('every log line has a time in UTC, a level, and the process that wrote it [L2]', () => {
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
