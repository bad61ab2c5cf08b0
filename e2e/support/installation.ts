import { randomBytes, randomUUID } from 'node:crypto'
import type pg from 'pg'
import { expect } from 'vitest'
import { createServices } from '@/services'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { readSettings } from '@/lib/config/settings'
import { startWorker } from '@/server/processes/start-worker'
import { startMailSink, type CaughtEmail } from './mail-sink'
import { newPassword, readLink } from './running-app'
import type { TestDatabase } from './test-database'
import { resettableAccount } from './opened-services'

export type Installation = Awaited<ReturnType<typeof openInstallation>>

/** The parts of a web process and a worker, in this process, with an SMTP server of their own. */
export async function openInstallation(
  database: Pick<TestDatabase, 'url' | 'sharedSession'>,
  env: Record<string, string> = {},
  configuration?: RekeyConfig,
) {
  const sink = await startMailSink()
  const services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '',
      PUBLIC_URL: 'http://localhost:3000',
      SMTP_URL: sink.url,
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      ...env,
    }),
    configuration,
  )
  const stopWorker = await startWorker(services)
  return {
    services,
    sink,
    async close() {
      await stopWorker()
      await services.database.close()
      await sink.close()
    },
  }
}

const from = () => ({ locale: 'en', requestId: randomUUID(), client: `198.51.100.${randomBytes(1)[0]}` })

export async function requestLink({ services }: Installation, login: string): Promise<void> {
  expect(await services.passwordReset.requestLink({ target: { login }, ...from() })).toMatchObject({
    ok: true,
  })
}

const period = 3600

/** Requests, mails and uses a link, tests its expiry, cancels the change, and checks the history. */
export async function exerciseWholeFlow({ services, sink }: Installation): Promise<void> {
  const { accounts, audit, links, ownAccounts, passwordReset } = services
  const username = `user-${randomBytes(6).toString('hex')}`
  const email = `${username}@example.com`
  const id = await ownAccounts.add({ ...resettableAccount(username), locale: 'en' })
  const from = { locale: 'en', requestId: randomUUID(), client: `198.51.100.${randomBytes(1)[0]}` }
  const began = Date.now()
  const isNow = (instant: Date) => Math.abs(instant.getTime() - Date.now()) < 90_000

  await passwordReset.requestLink({ target: { login: username }, ...from })
  const first = await sink.next(email)
  await passwordReset.requestLink({ target: { login: email }, ...from })

  const link = linkOf(first)
  expect(Math.abs(link.timestamp * 1000 - began)).toBeLessThan(60_000)
  const seen = await passwordReset.inspectLink(link)
  expect(seen.state).toBe('valid')
  if (seen.state === 'valid') expect(seen.expiresAt.getTime()).toBe((link.timestamp + period) * 1000)

  const { account, now } = await accounts.read(id)
  expect(isNow(now)).toBe(true)
  const aged = async (seconds: number) => {
    const { now: latest } = await accounts.read(id)
    const timestamp = Math.floor(latest.getTime() / 1000) - seconds
    return (await passwordReset.inspectLink(links.create('reset', id, timestamp, account!))).state
  }
  expect([await aged(period - 3), await aged(period + 1)]).toEqual(['valid', 'signature-expired'])
  expect([await aged(-50), await aged(-70)]).toEqual(['valid', 'signature-invalid'])

  const reset = {
    link,
    password: newPassword(),
    passwordConfirm: undefined,
    ...from,
    request: { client: from.client, headers: new Headers(), fields: {} },
  }
  expect(await passwordReset.completeReset(reset)).toEqual({ ok: true })
  expect(await passwordReset.completeReset(reset)).toEqual({ ok: false, code: 'signature-used' })
  expect(isNow((await accounts.read(id)).account!.passwordChangedAt!)).toBe(true)

  const changed = await sink.next(email)
  expect(changed.mail.subject).toContain('changed')
  expect(isNow(statedTime(changed))).toBe(true)
  const undo = { link: readCancelLink(changed), ...from }
  expect(await passwordReset.cancelReset(undo)).toEqual({ ok: true, newLink: true })
  expect(await passwordReset.cancelReset(undo)).toEqual({ ok: false, code: 'signature-used' })
  await sink.next(email)

  // The worker waits a random time before it holds the second email back.
  await expect
    .poll(async () => new Set((await audit.history(id)).map(({ event }) => event)))
    .toEqual(
      new Set([
        'authn_password_reset_requested',
        'authn_token_opened',
        'authn_token_created',
        'authn_token_held_back',
        'authn_password_change',
        'authn_token_reuse',
        'authn_password_change_notified',
        'authn_token_revoked',
      ]),
    )
  const history = await audit.history(id)
  expect(history.every(({ at }) => isNow(at))).toBe(true)
  expect(history.map(({ at }) => at.getTime())).toEqual(
    history.map(({ at }) => at.getTime()).sort((a, b) => a - b),
  )
  expect(sink.countTo(email)).toBe(3)
}

/** Purges rows an hour before and an hour after their time. */
export async function expectPurgeOnTime({ services }: Installation, sql: pg.Client | pg.Pool): Promise<void> {
  const { audit, recovery } = services
  const hours = (days: number, more: number) => `make_interval(hours => ${days * 24 + more})`
  const id = randomUUID()
  await sql.query(`INSERT INTO rekey.audit (at, event, account_id, reason)
    VALUES (now() - ${hours(30, 1)}, 'test', '${id}', 'old'), (now() - ${hours(30, -1)}, 'test', '${id}', 'young')`)
  await sql.query(`INSERT INTO rekey.recovery (account_id, updated_at)
    VALUES ('old-${id}', now() - ${hours(8, 1)}), ('young-${id}', now() - ${hours(8, -1)})`)
  await audit.purge(30 * 86_400)
  await recovery.purge()
  expect((await audit.history(id)).map(({ reason }) => reason)).toEqual(['young'])
  const { rows } = await sql.query(`SELECT account_id FROM rekey.recovery WHERE account_id LIKE '%${id}'`)
  expect(rows).toEqual([{ account_id: `young-${id}` }])
}

function linkOf({ link }: CaughtEmail) {
  const { user_id, timestamp, signature } = readLink(link)
  return { user_id, timestamp: Number(timestamp), signature }
}

function readCancelLink({ cancelLink }: CaughtEmail) {
  return linkOf({ link: cancelLink } as CaughtEmail)
}

function statedTime({ mail }: CaughtEmail): Date {
  // Word joiners keep mail programs from making links of it.
  const text = mail.text!.replaceAll('\u2060', '').replace(/[^\S\n]+/g, ' ')
  const [, time = ''] = /When: (.* UTC)/.exec(text) ?? []
  return new Date(time.replace(' at ', ' '))
}
