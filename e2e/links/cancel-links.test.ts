import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { settled } from '@/e2e/support/settled-jobs'
import { signedLinks } from '@/e2e/support/signed-links'
import { createLinkSigner } from '@/lib/password-reset/reset-link'
import {
  newPassword,
  readLink,
  startApp,
  type Answer,
  type LinkParameters,
  type Person,
  type RunningApp,
} from '@/e2e/support/running-app'
import { cancelPath } from '@/e2e/support/endpoint-paths'

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.stop())

const used = { detail: 'Invalid signature', code: 'signature-used' }

async function cancel(link: LinkParameters): Promise<Answer> {
  const response = await fetch(`${app.url}${cancelPath}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(link),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) as unknown }
}

const rowOf = async ({ id }: Person) =>
  (await app.sql.query('SELECT * FROM "rekey"."recovery" WHERE "account_id" = $1', [id])).rows[0] as Record<
    string,
    unknown
  >

async function emailFor(person: Person) {
  await app.post('send-reset-password-link', { login: person.username })
  return app.sink.next(person.email)
}

async function cancelLinkOf(person: Person): Promise<LinkParameters> {
  const link = await signedLinks(app).linkOf(person, { purpose: 'cancel' })
  return { ...link, timestamp: String(link.timestamp) }
}

describe('the cancel link in the email with a reset link', () => {
  test('opening the page of a cancel link changes nothing, and cancelling invalidates all links of the account', async () => {
    const person = await app.addPerson()
    const [first, second] = [await emailFor(person), await emailFor(person)]
    const before = await rowOf(person)
    for (let i = 0; i < 10; i += 1) {
      expect((await fetch(second.cancelLink!)).status).toBe(200)
      await fetch(second.cancelLink!, { method: 'HEAD' })
    }
    expect(await rowOf(person)).toEqual(before)

    expect((await cancel(readLink(second.cancelLink))).status).toBe(200)
    for (const { link } of [first, second]) {
      const response = await app.post('reset-password', { ...readLink(link), password: newPassword() })
      expect([response.status, response.json]).toEqual([400, used])
    }
  })

  test('a cancel link works once', async () => {
    const link = await cancelLinkOf(await app.addPerson())
    expect((await cancel(link)).status).toBe(200)
    const again = await cancel(link)
    expect([again.status, again.json]).toEqual([400, used])
  })

  test('of twenty requests at once with one cancel link, only one succeeds', async () => {
    const person = await app.addPerson()
    const link = await cancelLinkOf(person)
    const responses = await Promise.all(Array.from({ length: 20 }, () => cancel(link)))
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await rowOf(person)).links_epoch).toBe(1)
  })

  test('cancelling pauses emails to the account for an hour', async () => {
    const person = await app.addPerson()
    await cancel(await cancelLinkOf(person))
    const { emails_paused_until: until } = await rowOf(person)
    const minutes = ((until as Date).getTime() - Date.now()) / 60_000
    expect(minutes).toBeGreaterThan(58)
    expect(minutes).toBeLessThanOrEqual(60)
    await app.post('send-reset-password-link', { login: person.username })
    await settled(app)
    expect(app.sink.countTo(person.email)).toBe(0)
    await app.sql.query(
      `UPDATE "rekey"."recovery" SET "emails_paused_until" = now() - interval '1 second' WHERE "account_id" = $1`,
      [person.id],
    )
    await app.post('send-reset-password-link', { login: person.username })
    await app.sink.next(person.email)
  })

  test('a reset link cannot cancel, and a cancel link cannot reset [T2]', async () => {
    const person = await app.addPerson()
    const { link, cancelLink } = await emailFor(person)
    const invalid = { detail: 'Invalid signature', code: 'signature-invalid' }
    expect((await cancel(readLink(link))).json).toEqual(invalid)
    const response = await app.post('reset-password', { ...readLink(cancelLink), password: newPassword() })
    expect(response.json).toEqual(invalid)
  })
})

describe('the cancel link in the email about a changed password', () => {
  test('cancelling sends a new reset link, even when the password has changed again since', async () => {
    const person = await app.addPerson()
    const link = readLink((await emailFor(person)).link)
    await app.post('reset-password', { ...link, password: newPassword() })
    const changed = await app.sink.next(person.email)
    await app.sql.query(`UPDATE "rekey"."users" SET "password" = "password" || 'x' WHERE "id" = $1`, [
      person.id,
    ])

    expect((await cancel(readLink(changed.cancelLink))).status).toBe(200)
    const next = await app.sink.next(person.email)
    const password = newPassword()
    expect((await app.post('reset-password', { ...readLink(next.link), password })).status).toBe(200)
    expect(await app.passwordIs(person, password)).toBe(true)
  })

  test('an attacker who reset with a leaked email cannot use its cancel link against the owner’s later one [T5]', async () => {
    const person = await app.addPerson()
    const leaked = await emailFor(person)
    await app.post('reset-password', { ...readLink(leaked.link), password: newPassword() })
    const changed = await app.sink.next(person.email)

    const attempt = await cancel(readLink(leaked.cancelLink))
    expect([attempt.status, attempt.json]).toEqual([400, used])
    expect((await cancel(readLink(changed.cancelLink))).status).toBe(200)
    await app.sink.next(person.email)
  })

  test('an account gets at most three new reset links in an hour by cancelling [R1]', async () => {
    const person = await app.addPerson()
    let { link } = await emailFor(person)
    const statuses: number[] = []
    for (let round = 0; round < 4; round += 1) {
      await app.post('reset-password', { ...readLink(link), password: newPassword() })
      const { cancelLink } = await app.sink.next(person.email)
      const { status } = await cancel(readLink(cancelLink))
      statuses.push(status)
      if (status === 200) ({ link } = await app.sink.next(person.email))
    }
    expect(statuses).toEqual([200, 200, 200, 429])
    await settled(app)
    expect(app.sink.countTo(person.email)).toBe(1 + 4 + 3)
  })

  test('the cancel link of a changed password expires after seven days', async () => {
    const person = await app.addPerson()
    const week = 7 * 24 * 3600
    const links = createLinkSigner({
      secrets: [app.secret],
      audience: app.url,
      period: { reset: 3600, cancel: 3600, 'cancel-change': week },
      oneTimeUse: true,
    })
    const state = { passwordHash: null, email: person.email, isActive: true, linksEpoch: 0 }
    const old = (age: number) =>
      links.create('cancel-change', person.id, Math.floor(Date.now() / 1000) - age, state)
    const asText = (link: ReturnType<typeof old>) => ({ ...link, timestamp: String(link.timestamp) })
    expect((await cancel(asText(old(week + 30)))).json).toEqual({
      detail: 'Signature expired',
      code: 'signature-expired',
    })
    expect((await cancel(asText(old(week - 60)))).status).toBe(200)
  })
})

test('the audit log lists the events of a reset, without logins, links or full network addresses', async () => {
  const person = await app.addPerson()
  const email = await emailFor(person)
  const link = readLink(email.link)
  await app.post('reset-password', { ...link, password: 'short of it' })
  await app.post('reset-password', { ...link, password: newPassword() })
  await app.post('reset-password', { ...link, password: newPassword() })
  const changed = await app.sink.next(person.email)
  await cancel(readLink(changed.cancelLink))
  await app.sink.next(person.email)
  await settled(app)
  const { rows } = await app.sql.query<Record<string, string | null>>(
    'SELECT "event", "client", "reason" FROM "rekey"."audit" WHERE "account_id" = $1 ORDER BY "id"',
    [person.id],
  )
  const events = rows.map(({ event }) => event)
  for (const event of [
    'authn_password_reset_requested',
    'authn_token_created',
    'authn_password_change_fail',
    'authn_password_change',
    'authn_token_reuse',
    'authn_password_change_notified',
    'authn_token_revoked',
  ]) {
    expect(events).toContain(event)
  }
  const all = JSON.stringify((await app.sql.query('SELECT * FROM "rekey"."audit"')).rows)
  for (const secret of [person.username, person.email, link.signature, '127.0.0.1'])
    expect(all).not.toContain(secret)
  expect(all).toContain('127.0.0.0/24')
})
