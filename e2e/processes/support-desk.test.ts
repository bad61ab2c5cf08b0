import { afterAll, beforeAll, expect, test } from 'vitest'
import { settingsOf } from '@/e2e/support/doctor'
import { runCommand } from '@/e2e/support/run-command'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { signedLinks } from '@/e2e/support/signed-links'

let app: RunningApp
beforeAll(async () => {
  app = await startApp({ env: { EMAIL_COOLDOWN: '5m', LIMIT_REQUESTS_PER_CLIENT: '6/1h' } })
})
afterAll(() => app?.stop())

async function accounts(...args: string[]) {
  const { code, output, errors } = await runCommand(['accounts', ...args], {
    ...settingsOf(app),
    TZ: 'Asia/Tokyo',
  })
  return { code, output: output.trim(), errors: errors.trim() }
}

/** The steps of the newest request, as `requests` prints them, without times. */
async function stepsOf({ username }: Person): Promise<string[]> {
  const { output } = await accounts('requests', username)
  const [newest = ''] = output.split(/^Request /m).slice(-1)
  return newest
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/^.*GMT\+9 {2}/, ''))
}

const auditOf = async ({ id }: Person, event: string) =>
  (
    await app.sql.query(
      `SELECT "actor", "reason" FROM "rekey"."audit" WHERE "account_id" = $1 AND "event" = $2 ORDER BY "id"`,
      [id, event],
    )
  ).rows

test('the support sends a link by email and sees each step of its use, with the name of the sender [L8]', async () => {
  const person = await app.addPerson()
  const { code, output } = await accounts('send-link', person.username, '--as', 'Ana Support')
  expect([code, output]).toEqual([0, expect.stringContaining(`for ${person.username}.`)])
  const link = readLink((await app.sink.next(person.email)).link)
  await expect
    .poll(() => stepsOf(person), { timeout: 30_000 })
    .toEqual([
      'requested (by Ana Support)',
      'the email was queued',
      expect.stringMatching(/^the mail server accepted the email \(250 /),
    ])

  const page = await fetch(`${app.url}/reset-password/?${new URLSearchParams(link)}`)
  expect(page.status).toBe(200)
  await expect
    .poll(() => stepsOf(person), { timeout: 30_000 })
    .toContain('the link was opened, by a person or a mail scanner')
  expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
  expect((await stepsOf(person)).at(-1)).toMatch(/^the password was changed/)
  const { output: history } = await accounts('history', person.username)
  expect(history).toMatch(/GMT\+9 +a link was requested +Ana Support/)
  expect(history).not.toContain(link.signature)
})

test('a printed link works once and for 15 minutes, and the email about the change is sent [L9]', async () => {
  const person = await app.addPerson()
  const printed = await accounts('print-link', person.username, '--as', 'Ana', '--force')
  expect(printed.code).toBe(0)
  const { user_id, timestamp, signature } = Object.fromEntries(new URL(printed.output).searchParams)
  const link = { user_id: user_id!, timestamp: timestamp!, signature: signature! }
  const [{ now }] = (await app.sql.query<{ now: string }>('SELECT extract(epoch FROM now()) AS "now"'))
    .rows as [{ now: string }]
  expect(Math.abs(Number(now) - Number(timestamp))).toBeLessThan(60)
  const codeOfLinkAged = async (age: number) => {
    const old = await signedLinks(app).linkOf(person, { age, purpose: 'printed' })
    const response = await app.post('reset-password', { ...old, password: 'short' })
    return (response.json as { code?: string }).code
  }
  expect([await codeOfLinkAged(14 * 60), await codeOfLinkAged(16 * 60)]).toEqual([
    undefined,
    'signature-expired',
  ])

  const password = newPassword()
  expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
  expect(await app.passwordIs(person, password)).toBe(true)
  expect((await app.sink.next(person.email)).mail.subject).toMatch(/changed/i)
  expect((await app.post('reset-password', { ...link, password: newPassword() })).json).toMatchObject({
    code: 'signature-used',
  })
  expect(await auditOf(person, 'authn_token_printed')).toEqual([{ actor: 'Ana', reason: null }])
})

test('the command prints no link into a pipe, without a name, or for an account that cannot be reset [L9]', async () => {
  const person = await app.addPerson()
  const disabled = await app.addPerson({ isActive: false })
  for (const [args, message] of [
    [['print-link', person.username, '--as', 'Ana'], /pipe/],
    [['print-link', person.username, '--force'], /--as NAME/],
    [['print-link', person.username, '--force', '--as', 'A\u001b[31m'], /--as NAME/],
    [['print-link', disabled.username, '--force', '--as', 'Ana'], /not active/],
    [['send-link', disabled.username, '--as', 'Ana'], /not active/],
    [['send-link', 'of-no-account', '--as', 'Ana'], /There is no account "of-no-account"/],
    [['lift-limit', '--client', 'not-an-address', '--as', 'Ana'], /not an IP address/],
  ] as const) {
    const { code, output, errors } = await accounts(...args)
    expect([args, code, output]).toEqual([args, 2, ''])
    expect(errors).toMatch(message)
  }
  expect(await auditOf(person, 'authn_token_printed')).toEqual([])
})

test('the support invalidates all links of an account, mailed and printed ones [L9]', async () => {
  const person = await app.addPerson()
  const mailed = await app.linkFor(person)
  const printed = await accounts('print-link', person.username, '--as', 'Ana', '--force')
  const cancelled = await accounts('cancel-links', person.username, '--as', 'Ana')
  expect([cancelled.code, cancelled.output]).toEqual([
    0,
    expect.stringMatching(/^All links of .* are invalid\.$/),
  ])
  for (const link of [mailed, Object.fromEntries(new URL(printed.output).searchParams)])
    expect((await app.post('reset-password', { ...link, password: newPassword() })).json).toMatchObject({
      code: 'signature-used',
    })
  expect(await auditOf(person, 'authn_token_revoked')).toEqual([{ actor: 'Ana', reason: 'support' }])
})

test('after the support lifts a limit, the next email is sent and the next request is accepted', async () => {
  const person = await app.addPerson()
  await app.linkFor(person)
  await app.post('send-reset-password-link', { login: person.username })
  await expect.poll(() => stepsOf(person), { timeout: 30_000 }).toContain('no email (email-limit)')
  expect((await accounts('lift-limit', person.username, '--as', 'Ana')).code).toBe(0)

  const requestLink = () => app.post('send-reset-password-link', { login: person.username })
  await expect.poll(async () => (await requestLink()).status, { timeout: 30_000, interval: 50 }).toBe(429)
  await app.sink.next(person.email)
  expect((await accounts('lift-limit', '--client', '127.0.0.1', '--as', 'Ana')).code).toBe(0)
  // A web process remembers a rejection for a second.
  await expect.poll(async () => (await requestLink()).status, { timeout: 5_000, interval: 200 }).toBe(200)
})
