import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { emails } from '@/emails/templates'
import type { Account } from '@/lib/accounts/account'
import { auditEvents, createAuditLog } from '@/lib/audit/audit'
import type { RekeyConfig } from './extension-points'
import { createSendPacing } from './send-pacing'
import { createLimits } from '@/lib/rate-limits/limits'
import type { EmailDependencies } from './email-dependencies'
import { createJobHandlers } from './job-handlers'
import { createMailer, type Mailer } from '@/lib/mail/mailer'
import type { JobData } from '@/lib/queue/job-data'
import type { JobHandlers, QueuedJob } from '@/lib/queue/queue'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'

let database: TestDatabase
let sink: MailSink
let sql: pg.Client
let services: Services
let mailer: Mailer
beforeAll(async () => {
  database = await createMigratedDatabase()
  sink = await startMailSink()
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: 'https://id.example.com',
      RESET_PASSWORD_VERIFICATION_URL: 'https://front.example/reset?from=email',
      SMTP_URL: sink.url,
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      EMAIL_COOLDOWN: '0s',
      LIMIT_EMAILS_PER_ACCOUNT: '2/1h',
      LIMIT_EMAILS: '3/1h',
    }),
  )
  mailer = createMailer({ ...services.settings.mail, log: services.log })
}, 120_000)
afterAll(async () => {
  await mailer.close()
  await services.database.close()
  await sql.end()
  await sink.close()
  await database.drop()
})

/** The hash that most accounts have. */
let forgotten: string
beforeAll(async () => void (forgotten = await services.hash.hash('forgotten')))

let account: Account
beforeEach(async () => {
  account = await add()
  await sql.query('DELETE FROM "rekey"."limits"')
})
afterEach(() => {
  sink.refuse = undefined
  vi.useRealTimers()
})

async function add(more: Partial<Account> = {}): Promise<Account> {
  const username = `user-${randomBytes(6).toString('hex')}`
  const state = { passwordHash: forgotten, isActive: true, locale: null }
  const names = { firstName: '', lastName: '' }
  const email = `${username}@example.com`
  const { passwordHash, isActive, locale, ...rest } = { email, ...names, ...state, ...more }
  const id = await services.ownAccounts.add({
    username,
    passwordHash,
    isActive,
    locale,
    email: rest.email,
    ...names,
  })
  return (await services.accounts.read(id)).account!
}

const handlers = (configuration: RekeyConfig = {}, other: Partial<EmailDependencies> = {}): JobHandlers =>
  createJobHandlers({
    ...services,
    configuration,
    emails: { ...emails, ...configuration.emails },
    mailer,
    sendPacing: createSendPacing({ slots: 16, longestPause: 0 }),
    ...other,
  })

const now = () => Math.floor(Date.now() / 1000)
const origin = { locale: 'en', requestId: 'r', client: '203.0.113.9' }

/** An email's job, asked for `age` seconds ago. */
const emailJob = (
  of: Account = account,
  { age = 0, ...data }: Partial<JobData['link-email']> & { age?: number } = {},
): QueuedJob<'link-email'> => ({
  id: randomUUID(),
  data: {
    accountId: of.id,
    requestedAt: now() - age,
    locale: 'en',
    requestId: 'r',
    bypassPause: false,
    ...data,
  },
  createdAt: new Date(),
  attempt: 1,
})

const requestJob = (
  target: JobData['link-request']['target'],
  bypassPause = false,
): QueuedJob<'link-request'> => ({
  id: randomUUID(),
  data: { target, bypassPause, ...origin },
  createdAt: new Date(),
  attempt: 1,
})

const queued = async (of: Account) =>
  (
    await sql.query<{ id: string; data: JobData['link-email'] }>(
      `SELECT id, data FROM rekey_queue.job WHERE name = 'link-email' AND data->>'accountId' = $1`,
      [of.id],
    )
  ).rows

/** What the mail sink replies, which the audit log stores with an email. */
const accepted = '250 OK: message queued'

const lastEntry = async (of = account) => {
  const last = (await services.audit.history(of.id)).at(-1)
  return last && [last.event, last.reason]
}

const change = (what: string) => sql.query(`UPDATE "rekey"."users" SET ${what} WHERE "id" = $1`, [account.id])
const cancel = () =>
  services.database.prisma.$transaction((tx) => services.recovery.revokeLinks(tx, account.id, 0, 3600))

describe('who was asked for', () => {
  test('gets an email’s job, once, however often the asking is worked on', async () => {
    const job = requestJob({ login: account.username })
    expect(await handlers()['link-request'](job)).toEqual({ outcome: 'done' })
    expect(await handlers()['link-request']({ ...job, attempt: 2 })).toEqual({ outcome: 'done' })
    const jobs = await queued(account)
    expect(jobs).toHaveLength(1)
    expect(jobs[0]!.data.requestedAt).toBe(Math.floor(job.createdAt.getTime() / 1000)) // T7: not the worker's clock
  })

  test('is every account of a name, each with a job of its own', async () => {
    const twin = await add({ email: account.email })
    await handlers()['link-request'](requestJob({ login: account.email.toUpperCase() }))
    const ids = [...(await queued(account)), ...(await queued(twin))].map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
  })

  test('nobody, where there is no such account, or none that may be reset [A7]', async () => {
    const unfit = [
      await add({ isActive: false }),
      await add({ passwordHash: null }),
      await add({ email: '' }),
    ]
    for (const { username, id } of unfit) {
      await handlers()['link-request'](requestJob({ login: username }))
      await handlers()['link-request'](requestJob({ accountId: id }))
    }
    await handlers()['link-request'](requestJob({ login: 'nobody' }))
    await handlers()['link-request'](requestJob({ accountId: randomUUID() }))
    for (const nobody of unfit) expect(await queued(nobody)).toEqual([])
  })

  test('is for a team’s own function to say, which never gets past who may be reset', async () => {
    const disabled = await add({ isActive: false })
    const asked: unknown[] = []
    const findResettableAccounts: RekeyConfig['findResettableAccounts'] = async (
      login,
      fields,
      findByLogin,
    ) => {
      asked.push(login, fields)
      return [...(await findByLogin(account.username, fields)), disabled]
    }
    await handlers({ findResettableAccounts })['link-request'](requestJob({ login: '+49 30 1234' }))
    expect(asked).toEqual(['+49 30 1234', ['username', 'email']])
    expect(await queued(account)).toHaveLength(1)
    expect(await queued(disabled)).toEqual([])
  })
})

test('of many accounts with one address a request has emails for the ten oldest and ten others; the log warns [R2]', async () => {
  const email = `shared-${randomBytes(6).toString('hex')}@example.com`
  const people: Account[] = []
  for (let i = 0; i < 40; i += 1) people.push(await add({ email, passwordHash: 'a hash' }))
  const lines: string[] = []
  const log = pino({ level: 'warn', base: null }, { write: (line: string) => void lines.push(line) })
  await handlers({}, { log })['link-request'](requestJob({ login: email }))
  const asked = await Promise.all(people.map(async (person) => (await queued(person)).length))
  expect(asked.slice(0, 10)).toEqual(Array(10).fill(1))
  expect(asked.filter((count) => count === 1)).toHaveLength(20)
  await handlers({}, { log })['link-request'](requestJob({ login: account.email }))
  const loggedFacts = { event: 'accounts_capped', requestId: 'r', count: 40 }
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 40, time: expect.any(Number), ...loggedFacts },
  ])
})

test('one request has twenty emails at most, to the oldest accounts, in whatever order a team’s own function finds them [R2]', async () => {
  const people: Account[] = []
  for (let i = 0; i < 22; i += 1) people.push(await add({ passwordHash: 'a hash' }))
  const findResettableAccounts: RekeyConfig['findResettableAccounts'] = async () => people.toReversed()
  await handlers({ findResettableAccounts })['link-request'](requestJob({ login: 'a name of the team' }))
  const asked = await Promise.all(people.map(async (person) => (await queued(person)).length))
  expect(asked).toEqual([...Array(20).fill(1), 0, 0])
})

test('a crowd of accounts with one address has a bounded number of emails, the oldest’s own among them [R11]', async () => {
  // All within one window.
  vi.useFakeTimers({ toFake: ['Date'] })
  const email = `flooded-${randomBytes(6).toString('hex')}@example.com`
  const people: Account[] = []
  for (let i = 0; i < (isLong ? 100 : 40); i += 1) people.push(await add({ email, passwordHash: 'a hash' }))
  const rich = { ...services.settings.limits, emails: { count: 1000, seconds: 3600 } }
  const limits = createLimits(services.database, services.settings.secrets[0], rich)
  const flood = (of: Account) => handlers({}, { limits })['link-email'](emailJob(of))
  // Strangers ask for all the others first, twice; then the owner of the oldest asks.
  for (const of of [...people.slice(1), ...people.slice(1)]) await flood(of)
  const before = sink.countTo(email)
  expect(before).toBeGreaterThanOrEqual(20)
  expect(before).toBeLessThan(40)
  await flood(people[0]!)
  expect(sink.countTo(email)).toBe(before + 1)
  await flood(people[0]!)
  expect(await lastEntry(people[0])).toEqual([auditEvents.held, 'mailbox-limit'])
  // What held it back has not used up the account's own emails.
  await sql.query('DELETE FROM "rekey"."limits"')
  await flood(people[0]!)
  expect(sink.countTo(email)).toBe(before + 2)
}, 300_000)

describe('a request that names nobody [A8]', () => {
  test('is queued for an email and costs what one does, and none is sent [A8]', async () => {
    await sql.query('DELETE FROM rekey_queue.job')
    const job = requestJob({ login: `nobody-${randomBytes(6).toString('hex')}` })
    await handlers()['link-request'](job)
    await handlers()['link-request']({ ...job, attempt: 2 })
    const { rows } = await sql.query<{ id: string; data: JobData['link-email'] }>(
      `SELECT id, data FROM rekey_queue.job WHERE name = 'link-email' AND data->>'accountId' IS NULL`,
    )
    expect(rows).toHaveLength(1)
    const before = sink.emails.length
    const simulated: unknown[] = []
    const simulate: Mailer['simulate'] = async (emailText) => {
      simulated.push(emailText.subject)
      return mailer.simulate(emailText)
    }
    const { id, data } = rows[0]!
    const ended = handlers({}, { mailer: { ...mailer, simulate } })['link-email']({
      id,
      data,
      createdAt: new Date(),
      attempt: 1,
    })
    expect(await ended).toEqual({ outcome: 'done' })
    expect(simulated).toEqual(['Reset your Rekey password'])
    expect(sink.emails).toHaveLength(before)
  })

  test('is not told from an account whose email is held back, whatever holds it [A8]', async () => {
    let simulated = 0
    const simulate: Mailer['simulate'] = async () => void (simulated += 1)
    const attempt = (of: Account) =>
      handlers({}, { mailer: { ...mailer, simulate } })['link-email'](emailJob(of))
    for (const what of ['"is_active" = false', '"password" = NULL', `"email" = ''`]) {
      account = await add()
      await change(what)
      expect(await attempt(account)).toEqual({ outcome: 'done' })
    }
    account = await add()
    await cancel()
    await attempt(account)
    const busy = await add()
    for (let i = 0; i < 3; i += 1) await attempt(busy)
    expect(simulated).toBe(5)
  })

  test('fails nobody where a team’s own function fails for it [A8]', async () => {
    const emails = { reset: async () => Promise.reject(new Error('who is nobody?')) }
    const data = { ...emailJob().data, accountId: null }
    expect(await handlers({ emails })['link-email']({ ...emailJob(), data })).toEqual({ outcome: 'done' })
  })

  test('the further emails of one request follow the first after a drawn time [A8]', async () => {
    const email = `several-${randomBytes(6).toString('hex')}@example.com`
    for (let i = 0; i < 5; i += 1) await add({ email, passwordHash: 'a hash' })
    await sql.query(`DELETE FROM rekey_queue.job`)
    await handlers()['link-request'](requestJob({ login: email }))
    const { rows } = await sql.query<{ late: boolean }>(
      `SELECT start_after > created_on + interval '0.9 seconds' AS late FROM rekey_queue.job WHERE name = 'link-email'`,
    )
    expect(rows.map(({ late }) => late).sort()).toEqual([false, true, true, true, true])
  })
})

test('a typed username gets its email, however many older accounts have that text as their address [R2, A5]', async () => {
  const email = `squatted-${randomBytes(6).toString('hex')}@example.com`
  for (let i = 0; i < 21; i += 1) await add({ email, passwordHash: 'a hash' })
  const person = await add()
  await sql.query('UPDATE "rekey"."users" SET "username" = $1 WHERE "id" = $2', [email, person.id])
  await handlers()['link-request'](requestJob({ login: email }))
  expect(await queued(person)).toHaveLength(1)
})

describe('of a flood [L1]', () => {
  let lines: { event: string; requestId: string }[]
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const logging = () => handlers({}, { audit: createAuditLog(services.database, '', log) })
  /** Clients that no other test has: a process remembers for a second what it did not note. */
  let here: string
  let there: string
  beforeEach(() => {
    lines = []
    const network = `2001:db8:${randomBytes(2).toString('hex')}`
    here = `${network}:1::1`
    there = `${network}:2::1`
  })

  /** Works on an asking from a client, in an attempt; how many askings the table and the process's log then have. */
  async function sendRequest(login: string, requestId: string, client = here, attempt = 1) {
    const job = requestJob({ login })
    await logging()['link-request']({ ...job, data: { ...job.data, requestId, client }, attempt })
    const kept = await sql.query('SELECT FROM "rekey"."audit" WHERE "event" = $1 AND "request_id" = $2', [
      auditEvents.requested,
      requestId,
    ])
    return [kept.rowCount, lines.filter((line) => line.requestId === requestId).length]
  }

  test('without an account, a client’s first request is audited, and all are logged', async () => {
    const id = randomUUID()
    expect(await sendRequest(randomUUID(), id)).toEqual([1, 1])
    expect(await sendRequest(randomUUID(), id)).toEqual([1, 2])
    expect(await sendRequest(randomUUID(), id, there)).toEqual([2, 3])
  })

  test('for one account, a client’s first asking is kept, all are logged, and each has its email', async () => {
    const id = randomUUID()
    expect(await sendRequest(account.username, id)).toEqual([1, 1])
    expect(await sendRequest(account.email, id)).toEqual([1, 2])
    expect(await sendRequest(account.username, id, there)).toEqual([2, 3])
    expect(await sendRequest((await add()).username, id)).toEqual([3, 4])
    expect(await queued(account)).toHaveLength(3)
  })

  test('what an attempt failed to keep, the next one keeps', async () => {
    const id = randomUUID()
    await services.limits.isFirstInWindow(here, `asked ${account.id}`)
    expect(await sendRequest(account.username, id, here, 2)).toEqual([1, 1])
  })

  test('the first email of an account that is held back for one reason is kept, and all are logged', async () => {
    await change('"is_active" = false')
    for (let i = 0; i < 3; i += 1) await logging()['link-email'](emailJob())
    const switchedOff = { ...services.settings, reset: { ...services.settings.reset, enabled: false } }
    await handlers({}, { settings: switchedOff })['link-email'](emailJob())
    expect((await services.audit.history(account.id)).map(({ reason }) => reason)).toEqual([
      'account-changed',
      'switched-off',
    ])
    expect(lines.map(({ event }) => event)).toEqual(Array(3).fill(auditEvents.held))
  })
})

describe('an email with a link', () => {
  test('leads to the page of the settings and to us, lives from when it was asked for, and is signed for the account as it is [M3]', async () => {
    expect(await handlers()['link-email'](emailJob(account, { age: 600 }))).toEqual({ outcome: 'done' })
    const { link, recipients, mail } = await sink.next(account.email)
    expect(recipients).toEqual([account.email])
    const hosts = `${mail.text} ${String(mail.html)}`.matchAll(/https?:\/\/[^\s/"'<>]+/g)
    // The W3C's is the document type, which nobody opens.
    expect(
      [...new Set([...hosts].map(([host]) => host))].filter((host) => host !== 'http://www.w3.org').sort(),
    ).toEqual(['https://front.example', 'https://id.example.com'])
    const { origin: host, pathname, searchParams } = new URL(link!)
    expect([host, pathname, searchParams.get('from')]).toEqual(['https://front.example', '/reset', 'email'])
    expect(await lastEntry()).toEqual([auditEvents.sent, accepted])
    const signature = searchParams.get('signature')!
    const timestamp = Number(searchParams.get('timestamp'))
    expect(now() - timestamp).toBeGreaterThanOrEqual(600)
    expect(
      await services.passwordReset.inspectLink({ user_id: account.id, timestamp, signature }),
    ).toMatchObject({
      state: 'valid',
    })
  })

  test('is the same email when it is tried again: same link, same Message-ID [M10, T7]', async () => {
    const job = emailJob()
    await handlers()['link-email'](job)
    await handlers()['link-email']({ ...job, attempt: 2 })
    const [first, second] = [await sink.next(account.email), await sink.next(account.email)]
    expect(second.link).toBe(first.link)
    expect(second.mail.messageId).toBe(first.mail.messageId)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['its account was disabled', () => change('"is_active" = false')],
    ['its account lost its password', () => change('"password" = NULL')],
    ['its account lost its address', () => change(`"email" = ''`)],
    ['the password was changed since', () => change(`"password_changed_at" = now() + interval '2 seconds'`)],
    ['"this wasn’t me" was pressed since', () => cancel()],
    ['its account is gone', () => sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [account.id])],
  ])('is not sent when %s, and the job is done [T5]', async (_when, event) => {
    const job = emailJob()
    await event()
    expect(await handlers()['link-email'](job)).toEqual({ outcome: 'done' })
    expect(sink.countTo(account.email)).toBe(0)
    expect((await lastEntry())?.[0]).toBe(auditEvents.held)
  })

  test('that the mail server put off does not follow "this wasn’t me" [T5]', async () => {
    const job = emailJob()
    sink.refuse = { code: 451, text: 'come back later' }
    expect(await handlers()['link-email'](job)).toMatchObject({ outcome: 'later' })
    await cancel()
    sink.refuse = undefined
    expect(await handlers()['link-email']({ ...job, attempt: 2 })).toEqual({ outcome: 'done' })
    expect(sink.countTo(account.email)).toBe(0)
  })

  test('that "this wasn’t me" starts is sent past its pause and past what was sent before', async () => {
    for (let i = 0; i < 2; i += 1) await handlers()['link-email'](emailJob())
    await cancel()
    expect(await handlers()['link-email'](emailJob(account, { bypassPause: true }))).toEqual({
      outcome: 'done',
    })
    expect(sink.countTo(account.email)).toBe(3)
  })

  test('is given up, visibly, when its link would have less than five minutes left [F4]', async () => {
    const hour = 3600
    const late = handlers()['link-email'](emailJob(account, { age: hour - 290 }))
    expect(await late).toEqual({ outcome: 'never', reason: 'link-would-expire' })
    expect(await lastEntry()).toEqual([auditEvents.failed, 'link-would-expire'])
    expect(await handlers()['link-email'](emailJob(account, { age: hour - 310 }))).toEqual({
      outcome: 'done',
    })
    expect(sink.countTo(account.email)).toBe(1)
  })

  test('that is given up leaves its slot to the next request; one that a server refused keeps it [F4, R2]', async () => {
    const jobs = [emailJob(), emailJob()]
    sink.refuse = { code: 451, text: 'come back later' }
    for (const job of jobs) expect(await handlers()['link-email'](job)).toMatchObject({ outcome: 'later' })
    sink.refuse = undefined
    await handlers()['link-email'](emailJob())
    expect(await lastEntry()).toEqual([auditEvents.held, 'email-limit'])

    const [late] = jobs
    const data = { ...late!.data, requestedAt: now() - 3590 }
    expect(await handlers()['link-email']({ ...late!, data })).toMatchObject({ outcome: 'never' })
    await handlers()['link-email'](emailJob())
    expect(sink.countTo(account.email)).toBe(1)
    sink.refuse = { code: 550, text: 'no such user' }
    expect(await handlers()['link-email'](jobs[1]!)).toMatchObject({ outcome: 'never' })
    sink.refuse = undefined
    await sql.query('DELETE FROM "rekey"."limits"') // the second that is held back for one reason would not be kept
    await handlers()['link-email'](emailJob())
    expect(await lastEntry()).toEqual([auditEvents.held, 'email-limit'])
  })

  test('is not sent once resets are switched off', async () => {
    const settings = { ...services.settings, reset: { ...services.settings.reset, enabled: false } }
    expect(await handlers({}, { settings })['link-email'](emailJob())).toEqual({ outcome: 'done' })
    expect(await lastEntry()).toEqual([auditEvents.held, 'switched-off'])
    expect(sink.countTo(account.email)).toBe(0)
  })

  test('past an account’s limit is silently not sent; another account’s is [R2]', async () => {
    for (let i = 0; i < 3; i += 1) await handlers()['link-email'](emailJob())
    expect(await lastEntry()).toEqual([auditEvents.held, 'email-limit'])
    expect(sink.countTo(account.email)).toBe(2)
    const other = await add()
    await handlers()['link-email'](emailJob(other))
    expect(sink.countTo(other.email)).toBe(1)
  })

  test('past the budget of the installation waits, and takes nothing from it; what was not sent gives back [R1]', async () => {
    const people = [account, await add(), await add(), await add()]
    // Each had an email in this window.
    for (const person of people) {
      await sql.query('DELETE FROM "rekey"."limits"')
      expect(await handlers()['link-email'](emailJob(person))).toEqual({ outcome: 'done' })
    }
    await sql.query('DELETE FROM "rekey"."limits"')
    sink.refuse = { code: 451, text: 'come back later' }
    const jobs = people.map((person) => emailJob(person))
    for (const job of jobs) expect(await handlers()['link-email'](job)).toMatchObject({ outcome: 'later' })
    sink.refuse = undefined
    for (const job of jobs.slice(0, 3))
      expect(await handlers()['link-email'](job)).toEqual({ outcome: 'done' })
    const spent = { outcome: 'later', reason: 'email-budget-spent' }
    for (let i = 0; i < 3; i += 1) expect(await handlers()['link-email'](jobs[3]!)).toEqual(spent)
    expect(sink.countTo(people[3]!.email)).toBe(1)
    await sql.query('DELETE FROM "rekey"."limits"')
    expect(await handlers()['link-email'](jobs[3]!)).toEqual({ outcome: 'done' })
  })

  test('a budget that others spent still has an account’s first email, and the one after a stranger’s reset [R1, R3]', async () => {
    const [person, robbed] = [await add(), await add()]
    for (const _ of [1, 2, 3]) await services.limits.spendEmail({ first: false })
    expect(await handlers()['link-email'](emailJob(person))).toEqual({ outcome: 'done' })
    const spent = { outcome: 'later', reason: 'email-budget-spent' }
    expect(await handlers()['link-email'](emailJob(person))).toEqual(spent)
    expect(await handlers()['link-email'](emailJob(robbed))).toEqual({ outcome: 'done' })
    expect(await handlers()['link-email'](emailJob(robbed, { bypassPause: true }))).toEqual({
      outcome: 'done',
    })
    expect([sink.countTo(person.email), sink.countTo(robbed.email)]).toEqual([1, 2])
  })

  test('that may have left has used up its share of the budget, and its job is told so [R1]', async () => {
    const send: Mailer['send'] = async () => ({ ok: false, final: false, maybeDelivered: true, reason: 'x' })
    const silent = handlers({}, { mailer: { ...mailer, send } })
    const maybeDelivered = { outcome: 'later', reason: 'x', maybeDelivered: true }
    for (const person of [account, await add(), await add()])
      expect(await silent['link-email'](emailJob(person))).toEqual(maybeDelivered)
    expect(await services.limits.spendEmail({ first: false })).toMatchObject({ ok: false })
  })

  test('speaks the account’s language, else the asker’s, else the installation’s', async () => {
    const german = await add({ locale: 'de' })
    const strange = await add({ locale: 'tlh' })
    for (const [of, locale, subject] of [
      [german, 'en', /Passwort/],
      [account, 'de', /Passwort/],
      [strange, 'de', /Passwort/],
      [await add({ locale: 'de-AT' }), 'en', /Passwort/],
      [await add({ locale: 'de_CH' }), 'en', /Passwort/],
      [await add(), 'xx', /password/i],
    ] as const) {
      await sql.query('DELETE FROM "rekey"."limits"')
      await handlers()['link-email'](emailJob(of, { locale }))
      expect((await sink.next(of.email)).mail.subject).toMatch(subject)
    }
  })
})

test('an email in the asker’s language leads to "this wasn’t me" in it, but to the reset by nothing more than the link', async () => {
  const german = await add({ locale: 'de' })
  for (const [of, locale, lang] of [
    [account, 'ja', 'ja'],
    [account, 'en', null],
    [german, 'ja', null],
  ] as const) {
    await sql.query('DELETE FROM "rekey"."limits"')
    await handlers()['link-email'](emailJob(of, { locale }))
    const { link, cancelLink } = await sink.next(of.email)
    expect(new URL(cancelLink!).searchParams.get('lang')).toBe(lang)
    expect(new URL(link!).searchParams.has('lang')).toBe(false)
  }
})

describe('a team’s own way', () => {
  test('to build the address, to write the email and to send it is used, each with what it replaces', async () => {
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
    expect(await handlers(configuration)['link-email'](job)).toEqual({ outcome: 'done' })
    expect(sent.slice(0, 3)).toEqual([job.id, account.email, 'ours'])
    expect(sent[3]).toContain(`https://app.example/#/reset/${account.id}?then=https%3A%2F%2Ffront.example`)
    expect((await sink.next(account.email)).mail.subject).toBe('ours')
  })

  test.each<[string, RekeyConfig]>([
    ['sends', { sendEmail: async () => Promise.reject(new Error('broken')) }],
    ['writes', { emails: { reset: async () => Promise.reject(new Error('broken')) } }],
  ])(
    'that throws while it %s has the job tried again, and uses up no budget',
    async (_what, configuration) => {
      for (let i = 0; i < 5; i += 1)
        await expect(handlers(configuration)['link-email'](emailJob(await add()))).rejects.toThrow('broken')
      expect(await handlers()['link-email'](emailJob())).toEqual({ outcome: 'done' })
    },
  )
})

describe('the email about a changed password', () => {
  const changedJob = (of = account): QueuedJob<'changed-email'> => ({
    id: randomUUID(),
    data: { accountId: of.id, email: of.email, ...origin },
    createdAt: new Date(),
    attempt: 1,
  })

  test('is sent whatever else happened since, outside every limit, and nothing in it resets a password [S3]', async () => {
    for (let i = 0; i < 3; i += 1) await handlers()['link-email'](emailJob())
    await cancel()
    await change(`"is_active" = false, "password" = NULL`)
    for (let i = 0; i < 7; i += 1) await services.limits.spendEmail({ first: true })
    expect(await handlers()['changed-email'](changedJob())).toEqual({ outcome: 'done' })
    const changedEmail = sink.emails.at(-1)!
    expect(changedEmail.recipients).toEqual([account.email])
    expect([changedEmail.link, new URL(changedEmail.cancelLink!).pathname]).toEqual([
      undefined,
      '/cancel-reset/',
    ])
    // Word joiners keep mail programs from making links of it.
    const text = changedEmail.mail.text!.replaceAll('\u2060', '')
    expect(text).toContain('203.0.113.0/24')
    expect(text).not.toContain('203.0.113.9')
    expect(await lastEntry()).toEqual([auditEvents.notified, accepted])
  })

  const toldAt = (email: string) => {
    const job = changedJob()
    return { ...job, data: { ...job.data, email } }
  }
  const emailAt = async (to: string) => {
    const { mail, cancelLink } = await sink.next(to)
    return { all: `${mail.text} ${String(mail.html)}`, cancelLink }
  }

  test.each([`"email" = 'thief@evil.example'`, `"email" = ''`])(
    'goes to the address of the change, though since then %s; it is no link to the account any more [S3, T5]',
    async (since) => {
      await change(since)
      expect(await handlers()['changed-email'](toldAt(account.email))).toEqual({ outcome: 'done' })
      const { all, cancelLink } = await emailAt(account.email)
      expect(sink.countTo('thief@evil.example')).toBe(0)
      expect(cancelLink).toBeUndefined()
      expect(all).not.toContain('signature')
      expect(all).not.toContain('thief')
      expect(await lastEntry()).toEqual([auditEvents.notified, accepted])
    },
  )

  test('a username is shown whole where the mailbox that the email goes to knows it, whatever address came since [M5]', async () => {
    const before = 'ada.lovelace@mail.example'
    await change(`"username" = 'ada.lovelace', "email" = 'thief@evil.example'`)
    expect(await handlers()['changed-email'](toldAt(before))).toEqual({ outcome: 'done' })
    expect((await emailAt(before)).all.replaceAll('\u2060', '')).toContain(' ada.lovelace\n')
  })

  test('while the account has that address, now or again, "this wasn’t me" in it works and mails there [T5]', async () => {
    await change(`"email" = 'other@example.com'`)
    await change(`"email" = '${account.email}'`)
    await handlers()['changed-email'](toldAt(account.email))
    const { searchParams } = new URL((await emailAt(account.email)).cancelLink!)
    const link = {
      user_id: account.id,
      timestamp: Number(searchParams.get('timestamp')),
      signature: searchParams.get('signature')!,
    }
    expect(await services.passwordReset.cancelReset({ link, ...origin })).toEqual({ ok: true, newLink: true })
  })

  test('is not sent where there is nobody to send it to', async () => {
    const silent = await add({ email: '' })
    const before = sink.emails.length
    expect(await handlers()['changed-email'](changedJob(silent))).toEqual({ outcome: 'done' })
    await sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [account.id])
    expect(await handlers()['changed-email'](changedJob())).toEqual({ outcome: 'done' })
    expect(sink.emails).toHaveLength(before)
  })
})

describe('what the mail server said', () => {
  test.each([
    [451, { outcome: 'later' }, auditEvents.requested],
    [550, { outcome: 'never' }, auditEvents.failed],
  ])('%i ends an attempt as %j [F5, F6]', async (code, outcome, event) => {
    await services.audit.record('requested', { accountId: account.id })
    sink.refuse = { code, text: 'no' }
    expect(await handlers()['link-email'](emailJob())).toMatchObject(outcome)
    expect((await lastEntry())?.[0]).toBe(event)
  })

  test.each([
    [true, 50],
    [false, 40],
  ])('an attempt that is put off with alert %s is logged at level %i [F6, L1]', async (alert, level) => {
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
    const send: Mailer['send'] = async () => ({ ok: false, final: false, alert, reason: 'ETLS' })
    const job = emailJob()
    expect(await handlers({}, { log, mailer: { ...mailer, send } })['link-email'](job)).toEqual({
      outcome: 'later',
      reason: 'ETLS',
    })
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level, event: 'email_deferred', accountId: account.id, attempt: 1, reason: 'ETLS' },
    ])
  })

  test('an email that left is not sent twice because the audit log could not be written [F3]', async () => {
    const audit = {
      ...services.audit,
      recordBestEffort: async () => undefined,
      record: async () => Promise.reject(new Error('the database is away')),
    }
    expect(await handlers({}, { audit })['link-email'](emailJob())).toEqual({ outcome: 'done' })
    expect(sink.countTo(account.email)).toBe(1)
  })
})
