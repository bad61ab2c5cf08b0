import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { countedEmail } from '@/e2e/support/counted-email'
import { isLong } from '@/e2e/support/long-form'
import { startMailSink } from '@/e2e/support/mail-sink'
import { acceptedReply, linkEmailJob, openWorker, type OpenedWorker } from '@/e2e/support/opened-worker'
import type { Account } from '@/lib/accounts/account'
import { auditEvents, createAuditLog } from '@/lib/audit/audit'
import { createMailer, type Mailer } from '@/lib/mail/mailer'
import { createLimits } from '@/lib/rate-limits/limits'
import type { EmailDependencies } from './email-dependencies'
import type { RekeyConfig } from './extension-points'

let worker: OpenedWorker
let account: Account
beforeAll(async () => void (worker = await openWorker()), 120_000)
beforeEach(async () => {
  account = await worker.addAccount()
  await worker.clearLimits()
})
afterEach(() => {
  worker.sink.refuse = undefined
  vi.useRealTimers()
})
afterAll(() => worker.close())

const emailJob = (of = account, facts: Parameters<typeof linkEmailJob>[1] = {}) => linkEmailJob(of.id, facts)

const send = (job = emailJob(), configuration?: RekeyConfig, parts?: Partial<EmailDependencies>) =>
  worker.sendLinkEmail(job, configuration, parts)

const sendTo = (of: Account, parts?: Partial<EmailDependencies>) => send(emailJob(of), {}, parts)
const received = (of = account) => worker.sink.countTo(of.email)
const update = (assignments: string) => worker.updateAccount(account.id, assignments)

const done = { outcome: 'done' }
const temporaryRefusal = { code: 451, text: 'come back later' }
const budgetSpent = { outcome: 'later', reason: 'email-budget-spent' }

const withoutResets = () => {
  const { settings } = worker.services
  return { settings: { ...settings, reset: { ...settings.reset, enabled: false } } }
}

describe('an email with a link', () => {
  test('an email links to the configured page and to Rekey, and its link works from the time of the request [M3]', async () => {
    expect(await send(emailJob(account, { age: 600 }))).toEqual(done)
    const { link, recipients, mail } = await worker.sink.next(account.email)
    expect(recipients).toEqual([account.email])
    const hosts = `${mail.text} ${String(mail.html)}`.matchAll(/https?:\/\/[^\s/"'<>]+/g)
    // www.w3.org is in the document type, which no mail program opens.
    expect(
      [...new Set([...hosts].map(([host]) => host))].filter((host) => host !== 'http://www.w3.org').sort(),
    ).toEqual(['https://front.example', 'https://id.example.com'])
    const { origin: host, pathname, searchParams } = new URL(link!)
    expect([host, pathname, searchParams.get('from')]).toEqual(['https://front.example', '/reset', 'email'])
    expect(await worker.lastEntry(account)).toEqual([auditEvents.sent, acceptedReply])
    const signature = searchParams.get('signature')!
    const timestamp = Number(searchParams.get('timestamp'))
    expect(Date.now() / 1000 - timestamp).toBeGreaterThanOrEqual(600)
    expect(
      await worker.services.passwordReset.inspectLink({ user_id: account.id, timestamp, signature }),
    ).toMatchObject({ state: 'valid' })
  })

  test('a second attempt sends the same email, with the same link and the same Message-ID [M10, T7]', async () => {
    const job = emailJob()
    await send(job)
    await send({ ...job, attempt: 2 })
    const [first, second] = [await worker.sink.next(account.email), await worker.sink.next(account.email)]
    expect(second.link).toBe(first.link)
    expect(second.mail.messageId).toBe(first.mail.messageId)
  })

  test('an email is in the account’s language, else in that of the request, else in DEFAULT_LOCALE', async () => {
    for (const [locale, requested, subject] of [
      ['de', 'en', /Passwort/],
      ['de-AT', 'en', /Passwort/],
      ['de_CH', 'en', /Passwort/],
      [null, 'de', /Passwort/],
      ['tlh', 'de', /Passwort/],
      [null, 'xx', /password/i],
    ] as const) {
      await worker.clearLimits()
      const recipient = await worker.addAccount({ locale })
      await send(emailJob(recipient, { locale: requested }))
      expect((await worker.sink.next(recipient.email)).mail.subject).toMatch(subject)
    }
  })

  test('only the "this wasn’t me" link names the email’s language, if the account’s is another one', async () => {
    const german = await worker.addAccount({ locale: 'de' })
    for (const [of, locale, lang] of [
      [account, 'ja', 'ja'],
      [account, 'en', null],
      [german, 'ja', null],
    ] as const) {
      await worker.clearLimits()
      await send(emailJob(of, { locale }))
      const { link, cancelLink } = await worker.sink.next(of.email)
      expect(new URL(cancelLink!).searchParams.get('lang')).toBe(lang)
      expect(new URL(link!).searchParams.has('lang')).toBe(false)
    }
  })
})

describe('an email that is no longer to be sent', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['its account was disabled', () => update('"is_active" = false')],
    ['its account lost its password', () => update('"password" = NULL')],
    ['its account lost its address', () => update(`"email" = ''`)],
    ['the password was changed', () => update(`"password_changed_at" = now() + interval '2 seconds'`)],
    ['"this wasn’t me" was pressed', () => worker.revokeLinks(account)],
    ['its account was deleted', () => worker.deleteAccount(account.id)],
  ])('after %s, an email is not sent and its job is done [T5]', async (_what, event) => {
    const job = emailJob()
    await event()
    expect(await send(job)).toEqual(done)
    expect(received()).toBe(0)
    expect((await worker.lastEntry(account))?.[0]).toBe(auditEvents.held)
  })

  test('an email that the mail server put off is not sent after "this wasn’t me" [T5]', async () => {
    const job = emailJob()
    worker.sink.refuse = temporaryRefusal
    expect(await send(job)).toMatchObject({ outcome: 'later' })
    await worker.revokeLinks(account)
    worker.sink.refuse = undefined
    expect(await send({ ...job, attempt: 2 })).toEqual(done)
    expect(received()).toBe(0)
  })

  test('no email is sent while resets are switched off', async () => {
    expect(await sendTo(account, withoutResets())).toEqual(done)
    expect(await worker.lastEntry(account)).toEqual([auditEvents.held, 'switched-off'])
    expect(received()).toBe(0)
  })

  test('an email whose link has less than five minutes left is given up, and the audit log says so [F4]', async () => {
    const hour = 3600
    const reason = 'link-would-expire'
    expect(await send(emailJob(account, { age: hour - 290 }))).toEqual({ outcome: 'never', reason })
    expect(await worker.lastEntry(account)).toEqual([auditEvents.failed, reason])
    expect(await send(emailJob(account, { age: hour - 310 }))).toEqual(done)
    expect(received()).toBe(1)
  })

  test('of emails held back, the audit log has the first for each reason and the process’s log has all [L1]', async () => {
    const lines: { event: string }[] = []
    const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
    const audit = createAuditLog(worker.services.database, '', log)
    await update('"is_active" = false')
    for (let i = 0; i < 3; i += 1) await sendTo(account, { audit })
    await sendTo(account, withoutResets())
    const history = await worker.services.audit.history(account.id)
    expect(history.map(({ reason }) => reason)).toEqual(['account-changed', 'switched-off'])
    expect(lines.map(({ event }) => event)).toEqual(Array(3).fill(auditEvents.held))
  })
})

describe('the limit of one account’s emails', () => {
  test('an email beyond the limit of its account is silently not sent, and another account’s is [R2]', async () => {
    for (let i = 0; i < 3; i += 1) await send()
    expect(await worker.lastEntry(account)).toEqual([auditEvents.held, 'email-limit'])
    expect(received()).toBe(2)
    const other = await worker.addAccount()
    await sendTo(other)
    expect(received(other)).toBe(1)
  })

  test('the email that "this wasn’t me" requests is sent during its pause and beyond the limit', async () => {
    for (let i = 0; i < 2; i += 1) await send()
    await worker.revokeLinks(account)
    expect(await send(emailJob(account, { bypassPause: true }))).toEqual(done)
    expect(received()).toBe(3)
  })

  test('an email that is given up frees its place in the limit, and one that a server refused does not [F4, R2]', async () => {
    const jobs = [emailJob(), emailJob()]
    worker.sink.refuse = temporaryRefusal
    for (const job of jobs) expect(await send(job)).toMatchObject({ outcome: 'later' })
    worker.sink.refuse = undefined
    await send()
    expect(await worker.lastEntry(account)).toEqual([auditEvents.held, 'email-limit'])

    const [late, refused] = jobs
    const data = { ...late!.data, requestedAt: late!.data.requestedAt - 3590 }
    expect(await send({ ...late!, data })).toMatchObject({ outcome: 'never' })
    await send()
    expect(received()).toBe(1)
    worker.sink.refuse = { code: 550, text: 'no such user' }
    expect(await send(refused)).toMatchObject({ outcome: 'never' })
    worker.sink.refuse = undefined
    // Otherwise a second email held back for the same reason would not be audited.
    await worker.clearLimits()
    await send()
    expect(await worker.lastEntry(account)).toEqual([auditEvents.held, 'email-limit'])
  })
})

describe('the limit of one mailbox’s emails', () => {
  test('accounts that share an address get a bounded number of emails, and the oldest still gets its own [R11]', async () => {
    // All within one window.
    vi.useFakeTimers({ toFake: ['Date'] })
    const email = `flooded-${randomBytes(6).toString('hex')}@example.com`
    const sharing: Account[] = []
    for (let i = 0; i < (isLong ? 100 : 40); i += 1) sharing.push(await worker.addAccount({ email }))
    const [oldest, ...others] = sharing
    const { database, settings } = worker.services
    const limits = createLimits(database, settings.secrets[0], {
      ...settings.limits,
      emails: { count: 1000, seconds: 3600 },
    })
    // Strangers request links for all the others twice, before the owner of the oldest account does.
    for (const of of [...others, ...others]) await sendTo(of, { limits })
    const before = worker.sink.countTo(email)
    expect(before).toBeGreaterThanOrEqual(20)
    expect(before).toBeLessThan(40)
    await sendTo(oldest!, { limits })
    expect(worker.sink.countTo(email)).toBe(before + 1)
    await sendTo(oldest!, { limits })
    expect(await worker.lastEntry(oldest!)).toEqual([auditEvents.held, 'mailbox-limit'])
    // The email that was held back has not used up the account's own limit.
    await worker.clearLimits()
    await sendTo(oldest!, { limits })
    expect(worker.sink.countTo(email)).toBe(before + 2)
  }, 300_000)
})

describe('the limit of the installation’s emails', () => {
  test('emails beyond the limit wait without being counted, and unsent emails give their places back [R1]', async () => {
    const accounts = [account, ...(await Promise.all([1, 2, 3].map(() => worker.addAccount())))]
    // Each account had its first email in this window, for which the limit has a share of its own.
    for (const of of accounts) {
      await worker.clearLimits()
      expect(await sendTo(of)).toEqual(done)
    }
    await worker.clearLimits()
    worker.sink.refuse = temporaryRefusal
    const jobs = accounts.map((of) => emailJob(of))
    for (const job of jobs) expect(await send(job)).toMatchObject({ outcome: 'later' })
    worker.sink.refuse = undefined
    for (const job of jobs.slice(0, 3)) expect(await send(job)).toEqual(done)
    for (let i = 0; i < 3; i += 1) expect(await send(jobs[3]!)).toEqual(budgetSpent)
    expect(received(accounts[3])).toBe(1)
    await worker.clearLimits()
    expect(await send(jobs[3]!)).toEqual(done)
  })

  test('when the limit is reached, first emails and those that "this wasn’t me" requests are still sent [R1, R3]', async () => {
    const robbed = await worker.addAccount()
    for (const _ of [1, 2, 3]) await worker.services.limits.countEmail(countedEmail())
    expect(await sendTo(account)).toEqual(done)
    expect(await sendTo(account)).toEqual(budgetSpent)
    expect(await sendTo(robbed)).toEqual(done)
    expect(await send(emailJob(robbed, { bypassPause: true }))).toEqual(done)
    expect([received(account), received(robbed)]).toEqual([1, 2])
  })

  test('an email that may have been sent stays counted, and its job records that it may have been [R1]', async () => {
    const mailer: Mailer = {
      ...worker.mailer,
      send: async () => ({ ok: false, final: false, maybeDelivered: true, reason: 'x' }),
    }
    for (const of of [account, await worker.addAccount(), await worker.addAccount()])
      expect(await sendTo(of, { mailer })).toEqual({ outcome: 'later', reason: 'x', maybeDelivered: true })
    expect(await worker.services.limits.countEmail(countedEmail())).toMatchObject({ ok: false })
  })
})

describe('the work of an email that is not sent', () => {
  test('an email that is held back does the same simulated work as one for an unknown account [A8]', async () => {
    let simulated = 0
    const mailer: Mailer = { ...worker.mailer, simulate: async () => void (simulated += 1) }
    for (const assignment of ['"is_active" = false', '"password" = NULL', `"email" = ''`]) {
      account = await worker.addAccount()
      await update(assignment)
      expect(await sendTo(account, { mailer })).toEqual(done)
    }
    account = await worker.addAccount()
    await worker.revokeLinks(account)
    await sendTo(account, { mailer })
    const atLimit = await worker.addAccount()
    for (let i = 0; i < 3; i += 1) await sendTo(atLimit, { mailer })
    expect(simulated).toBe(5)
  })

  test('a team’s own template that fails for an unknown account fails no job [A8]', async () => {
    const reset = async () => Promise.reject(new Error('no such account'))
    expect(await send(linkEmailJob(null), { emails: { reset } })).toEqual(done)
  })
})

describe('a team’s own functions', () => {
  test('a team’s functions build the address, write the email and send it, and receive what they replace', async () => {
    const sent: unknown[] = []
    const configuration: RekeyConfig = {
      buildVerificationUrl: (link, standard) =>
        `https://app.example/#/reset/${link.user_id}?then=${encodeURIComponent(standard)}`,
      emails: { reset: async ({ link }) => ({ subject: 'ours', text: link, html: '' }) },
      sendEmail: async ({ id, to, text }, deliver) => {
        sent.push(id, to, text.subject, text.text)
        return deliver()
      },
    }
    const job = emailJob()
    expect(await send(job, configuration)).toEqual(done)
    expect(sent.slice(0, 3)).toEqual([job.id, account.email, 'ours'])
    expect(sent[3]).toContain(`https://app.example/#/reset/${account.id}?then=https%3A%2F%2Ffront.example`)
    expect((await worker.sink.next(account.email)).mail.subject).toBe('ours')
  })

  test.each<[string, RekeyConfig]>([
    ['sends', { sendEmail: async () => Promise.reject(new Error('broken')) }],
    ['writes', { emails: { reset: async () => Promise.reject(new Error('broken')) } }],
  ])(
    'if the function that %s emails throws, the job is tried again and no email is counted',
    async (_what, configuration) => {
      for (let i = 0; i < 5; i += 1)
        await expect(send(emailJob(await worker.addAccount()), configuration)).rejects.toThrow('broken')
      expect(await send()).toEqual(done)
    },
  )
})

describe('the reply of the mail server', () => {
  test.each([
    [451, { outcome: 'later' }, auditEvents.requested],
    [550, { outcome: 'never' }, auditEvents.failed],
  ])('the reply %i ends an attempt with %j [F5, F6]', async (code, outcome, event) => {
    await worker.services.audit.record('requested', { accountId: account.id })
    worker.sink.refuse = { code, text: 'no' }
    expect(await send()).toMatchObject(outcome)
    expect((await worker.lastEntry(account))?.[0]).toBe(event)
  })

  test.each([
    [true, 50],
    [false, 40],
  ])('an attempt that is put off with alert %s is logged at level %i [F6, L1]', async (alert, level) => {
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
    const mailer: Mailer = {
      ...worker.mailer,
      send: async () => ({ ok: false, final: false, alert, reason: 'ETLS' }),
    }
    expect(await sendTo(account, { log, mailer })).toEqual({ outcome: 'later', reason: 'ETLS' })
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level, event: 'email_deferred', accountId: account.id, attempt: 1, reason: 'ETLS' },
    ])
  })

  test('an email that was sent is not sent again because its audit entry could not be stored [F3]', async () => {
    const audit = {
      ...worker.services.audit,
      recordBestEffort: async () => undefined,
      record: async () => Promise.reject(new Error('the database is away')),
    }
    expect(await sendTo(account, { audit })).toEqual(done)
    expect(received()).toBe(1)
  })

  test('an email that failed for good is not tried again because its count could not be taken back [F3]', async () => {
    const release = () => Promise.reject(new Error('the database is away'))
    const limits = {
      ...worker.services.limits,
      countEmail: async () => ({ ok: true as const, alert: false, release }),
    }
    worker.sink.refuse = { code: 550, text: 'no such user' }
    expect(await sendTo(account, { limits })).toMatchObject({ outcome: 'never' })
  })

  test.each([
    [
      true,
      'is sent through a mail server that accepts it',
      { attempt: done, event: auditEvents.sent, reason: acceptedReply, recipients: 1 },
    ],
    [
      false,
      'fails for good, with the reason in the audit log, if the mail server does not accept it',
      {
        attempt: { outcome: 'never', reason: 'smtputf8-unsupported' },
        event: auditEvents.failed,
        reason: 'smtputf8-unsupported',
        recipients: 0,
      },
    ],
  ])(
    'with SMTPUTF8 support %s, an email to an address outside ASCII %s [M11]',
    async (offersSmtpUtf8, _outcome, expected) => {
      const sink = await startMailSink({ offersSmtpUtf8 })
      const mailer = createMailer({
        smtpUrl: sink.url,
        from: 'no-reply@rekey.example',
        log: worker.services.log,
      })
      try {
        const recipient = await worker.addAccount({ email: 'josé@people.example' })
        const attempt = await sendTo(recipient, { mailer })
        const [event, reason] = (await worker.lastEntry(recipient))!
        expect({ attempt, event, reason, recipients: sink.countTo('josé@people.example') }).toEqual(expected)
      } finally {
        await mailer.close()
        await sink.close()
      }
    },
  )
})
