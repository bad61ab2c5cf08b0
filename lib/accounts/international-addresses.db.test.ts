import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { emails } from '@/emails/templates'
import { auditEvents } from '@/lib/audit/audit'
import { createSendPacing } from '@/lib/password-reset/send-pacing'
import { createJobHandlers } from '@/lib/password-reset/job-handlers'
import { createMailer, type Mailer } from '@/lib/mail/mailer'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'

// Addresses outside ASCII, from the users table to the mail server.

let database: TestDatabase
let services: Services
const open: { sink: MailSink; mailer: Mailer }[] = []
beforeAll(async () => {
  database = await createMigratedDatabase()
  services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtp://mail.example.com',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
    }),
  )
}, 120_000)
afterAll(async () => {
  for (const { sink, mailer } of open) {
    await mailer.close()
    await sink.close()
  }
  await services?.database.close()
  await database?.drop()
})

async function add(email: string): Promise<string> {
  return services.ownAccounts.add({
    username: `user-${randomBytes(6).toString('hex')}`,
    email,
    firstName: '',
    lastName: '',
    passwordHash: 'a hash',
    isActive: true,
    locale: null,
  })
}

/** One email to an account; the end of its history, and who was named to the mail server. */
async function mailTo(email: string, offersSmtpUtf8: boolean) {
  const sink = await startMailSink({ offersSmtpUtf8 })
  const mailer = createMailer({ smtpUrl: sink.url, from: 'no-reply@rekey.example', log: services.log })
  open.push({ sink, mailer })
  const accountId = await add(email)
  const sending = createJobHandlers({
    ...services,
    emails,
    mailer,
    sendPacing: createSendPacing({ slots: 16, longestPause: 0 }),
    configuration: {},
  })
  const attempt = await sending['link-email']({
    id: randomUUID(),
    data: {
      accountId,
      requestedAt: Math.floor(Date.now() / 1000),
      locale: 'en',
      requestId: 'r',
      bypassPause: false,
    },
    createdAt: new Date(),
    attempt: 1,
  })
  const { event, reason } = (await services.audit.history(accountId)).at(-1)!
  return { attempt, event, reason, recipients: sink.emails.flatMap(({ recipients }) => recipients) }
}

describe('an account whose address is not ASCII [M11]', () => {
  test('gets its email through a mail server that takes it', async () => {
    expect(await mailTo('josé@people.example', true)).toEqual({
      attempt: { outcome: 'done' },
      event: auditEvents.sent,
      reason: '250 OK: message queued',
      recipients: ['josé@people.example'],
    })
  })

  test('has the reason in its history where the mail server does not, and the job ends', async () => {
    expect(await mailTo('josé@people.example', false)).toEqual({
      attempt: { outcome: 'never', reason: 'smtputf8-unsupported' },
      event: auditEvents.failed,
      reason: 'smtputf8-unsupported',
      recipients: [],
    })
  })
})

describe('a domain in emails of any case names the same account [I6]', () => {
  test.each([
    ['müller', 'MÜLLER'],
    ['MÜLLER', 'müller'],
    ['MÜLLER', 'Müller'],
    ['éclair', 'ÉCLAIR'],
    ['Éclair', 'éclair'],
    ['ÉTÉ', 'été'],
    ['почта', 'ПОЧТА'],
    ['ПОЧТА', 'почта'],
    ['xn--mller-kva', 'MÜLLER'],
    ['MÜLLER', 'XN--MLLER-KVA'],
  ])('stored as %s, typed as %s', async (stored, typed) => {
    const tag = randomBytes(6).toString('hex')
    const id = await add(`zoe.${tag}@${stored}.example`)
    const found = await services.accounts.findByLogin(`Zoe.${tag}@${typed}.example`, ['email'])
    expect(found.map((account) => account.id)).toEqual([id])
  })

  test.each([
    ['kelvin', '\u212Aelvin'],
    ['mike', '\uFF2Dike'],
    ['strasse', 'stra\u1E9Ee'],
    ['stra\u00DFe', 'stra\u1E9Ee'],
    ['info', '\u0130nfo'],
    ['muller', 'MÜLLER'],
  ])('but stored as %s it is not found as %s [C2]', async (stored, typed) => {
    const tag = randomBytes(6).toString('hex')
    await add(`zoe.${tag}@${stored}.example`)
    expect(await services.accounts.findByLogin(`zoe.${tag}@${typed}.example`, ['email'])).toEqual([])
  })
})
