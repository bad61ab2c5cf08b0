import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { pino } from 'pino'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { startScriptedMailServer, type Script } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { watchMailHealth } from '@/lib/mail-health/reports'
import { stopHints } from '@/lib/mail-health/stop-causes'
import { mailTimes } from '@/lib/mail-health/verdict'
import type { JobData } from '@/lib/queue/job-data'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'
import { startWorker } from '@/server/processes/start-worker'

/** As the defaults, in seconds where those are minutes. */
const times = {
  ...mailTimes,
  heartbeat: 200,
  write: 50,
  check: 200,
  failing: 1_500,
  workerLost: 5_000,
  waiting: 1_000,
  stuck: 2_500,
  silence: 2_000,
  probe: 400,
}

let database: TestDatabase
let sink: MailSink
beforeAll(async () => {
  database = await createMigratedDatabase()
  sink = await startMailSink()
}, 120_000)
afterAll(async () => {
  await sink.close()
  await database.drop()
})

const logged: Record<string, unknown>[] = []
const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
const closing: (() => unknown)[] = []
/** What a worker would wait for when it stops. */
const breaking: (() => unknown)[] = []
beforeEach(async () => {
  const { database: opened, mailState } = open()
  await opened.pool.query('DELETE FROM rekey_queue.job')
  await opened.pool.query('DELETE FROM rekey.limits')
  await opened.pool.query('DELETE FROM rekey.mail_state')
  await opened.pool.query('INSERT INTO rekey.mail_state DEFAULT VALUES')
  await mailState.read()
  logged.length = 0
  sink.refuse = undefined
})
afterEach(async () => {
  for (const end of breaking.splice(0)) end()
  for (const close of closing.splice(0).reverse()) await close()
})

function open(env: Record<string, string> = {}): Services {
  const services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '',
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: sink.url,
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      ...env,
    }),
  )
  closing.push(() => services.database.close())
  return services
}

/** A worker; `stop` ends it before the test does. */
async function work(env: Record<string, string> = {}, configuration: RekeyConfig = {}, given = times) {
  const services = open(env)
  const end = await startWorker({ ...services, log, configuration }, given)
  const stop = () => (ended ??= end())
  let ended: Promise<void> | undefined
  closing.push(stop)
  return { services, stop }
}

async function scripted(script: Script, { user = '' } = {}): Promise<string> {
  const { port, close } = await startScriptedMailServer(script)
  breaking.push(close)
  return `smtp://${user}127.0.0.1:${port}?ignoreTLS=true`
}

/** A person with an account asks for a link. */
async function request({ ownAccounts, queue }: Services, login?: string): Promise<void> {
  const username = login ?? `user-${randomBytes(6).toString('hex')}`
  if (login === undefined)
    await ownAccounts.add({
      username,
      email: `${username}@example.com`,
      firstName: '',
      lastName: '',
      passwordHash: 'a hash',
      isActive: true,
      locale: null,
    })
  const target = { login: username }
  await queue.add('link-request', { target, client: 'c', bypassPause: false, locale: 'en', requestId: 'r' })
}

const lines = (event: string) => logged.filter((line) => line.event === event)
const untilLogged = (event: string) =>
  expect.poll(() => lines(event).length, { timeout: 20_000 }).toBeGreaterThan(0)

/** One line says what is wrong, and the next looks of the processes add none. */
async function expectOneLine(cause: keyof typeof stopHints): Promise<void> {
  await untilLogged('emails_not_leaving')
  await new Promise((resolve) => setTimeout(resolve, 3 * times.check))
  expect(lines('emails_not_leaving')).toMatchObject([{ level: 50, cause, hint: stopHints[cause] }])
}

/** The operator mends it and starts a worker; the next request's email leaves. */
async function expectRecovery(): Promise<void> {
  const { services } = await work()
  await request(services)
  await untilLogged('emails_leaving_again')
  expect(await services.mailState.read()).toMatchObject({ failing: null, reported: null })
}

describe('a mail server that takes no email at all', () => {
  const auth = { EHLO: '250-scripted\r\n250 AUTH PLAIN', AUTH: '535 5.7.8 no' }
  test.each<[string, keyof typeof stopHints, Script]>([
    ['refuses every connection for good', 'greeting', { banner: '554 go away' }],
    ['refuses every connection for now', 'server', { banner: '421 too many' }],
    ['does not like the name in EHLO', 'greeting', { EHLO: '550 who?', HELO: '550 who?' }],
    ['rejects the sender', 'sender', { MAIL: '550 5.7.1 not yours' }],
    ['has a full disk', 'server', { MAIL: '452 4.3.1 insufficient system storage' }],
    ['wants another password', 'authentication', auth],
    ['accepts connections and says nothing', 'network', { banner: null }],
    ['falls silent after EHLO', 'network', { EHLO: null }],
    ['falls silent at MAIL FROM', 'server', { MAIL: null }],
  ])('one that %s is told by one line with a hint [V6]', async (_, cause, script) => {
    const user = cause === 'authentication' ? 'mail:a-password@' : ''
    const { services } = await work({ SMTP_URL: await scripted(script, { user }) })
    await request(services)
    await request(services)
    await expectOneLine(cause)
    expect(JSON.stringify(logged)).not.toContain('a-password')
  })

  test('one that cannot be reached is told at the start, and that it is reached again [V6]', async () => {
    const unused = createServer().listen(0, '127.0.0.1')
    await once(unused, 'listening')
    const { port } = unused.address() as AddressInfo
    await new Promise((resolve) => unused.close(resolve))
    const { stop } = await work({ SMTP_URL: `smtp://127.0.0.1:${port}?ignoreTLS=true` })
    await untilLogged('mail_stopped')
    await expectOneLine('network')
    await stop()
    const { services } = await work()
    await untilLogged('mail_ready')
    // Nobody asks for a link meanwhile: the connection tells.
    await untilLogged('emails_leaving_again')
    expect((await services.mailState.read()).failing).toBeNull()
  })

  test('one whose certificate is not accepted is told, and so is the email that leaves after it [V6]', async () => {
    const { key, cert } = makeSelfSignedCertificate('localhost')
    const server = new SMTPServer({ key, cert, secure: true, disabledCommands: ['AUTH'] })
    server.on('error', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    closing.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const { port } = server.server.address() as AddressInfo
    const { services, stop } = await work({ SMTP_URL: `smtps://127.0.0.1:${port}` })
    await request(services)
    await expectOneLine('certificate')
    await stop()
    await expectRecovery()
  })

  test('one that takes emails and never answers for them is told once it met two people [V6]', async () => {
    const { services } = await work({ SMTP_URL: await scripted({ '.': null }) })
    await request(services)
    await request(services)
    await expectOneLine('server')
  })

  test('one that puts off the recipients of five people in a row is told [V6]', async () => {
    const { services } = await work({ SMTP_URL: await scripted({ RCPT: '451 4.3.0 look-up failed' }) })
    for (let people = 0; people < 5; people += 1) await request(services)
    await expectOneLine('server')
  })
})

describe('jobs that never come to an email', () => {
  test('a function of the team that always throws is told, and over once it does not [V6]', async () => {
    let broken = true
    const findResettableAccounts: RekeyConfig['findResettableAccounts'] = async () => {
      if (broken) throw new Error('a bug')
      return []
    }
    const { services } = await work({}, { findResettableAccounts })
    await request(services)
    await expectOneLine('job-error')
    broken = false
    await request(services, 'nobody-here')
    await untilLogged('emails_leaving_again')
  })

  test('a sending of the team that always fails is told [V6]', async () => {
    const { services } = await work(
      {},
      { sendEmail: async () => ({ ok: false, final: false, alert: true, reason: 'api-key' }) },
    )
    await request(services)
    await expectOneLine('own')
    expect(lines('emails_not_leaving')).toMatchObject([{ reason: 'api-key' }])
  })

  test('a function of the team that never ends is told [V6]', async () => {
    const { promise, reject } = Promise.withResolvers<never>()
    breaking.push(() => reject(new Error('at last')))
    const { services } = await work({}, { findResettableAccounts: () => promise })
    await request(services)
    await expectOneLine('job-error')
    expect(lines('emails_not_leaving')).toMatchObject([{ reason: 'link-request deadline' }])
  })

  test('jobs that this version cannot read are told [V6]', async () => {
    const { services } = await work()
    await services.queue.add('link-request', { of: 'another version' } as unknown as JobData['link-request'])
    await expectOneLine('job-error')
  })

  test('emails that are given up at once because their links would expire are told [V6]', async () => {
    const { services } = await work()
    await request(services, 'nobody-here')
    const accountId = await services.ownAccounts.add({
      username: `late-${randomUUID()}`,
      email: 'late@example.com',
      firstName: '',
      lastName: '',
      passwordHash: 'a hash',
      isActive: true,
      locale: null,
    })
    const requestedAt = Math.floor(Date.now() / 1000) - 7200
    await services.queue.add('link-email', {
      accountId,
      requestedAt,
      locale: 'en',
      requestId: 'r',
      bypassPause: false,
    })
    await expectOneLine('link-would-expire')
  })

  test('a budget of emails that is spent is told [V6]', async () => {
    const { services } = await work({ LIMIT_EMAILS: '1/1h' })
    const sent = sink.emails.length
    for (let people = 0; people < 2; people += 1) await request(services)
    await expect.poll(() => sink.emails.length, { timeout: 20_000 }).toBe(sent + 2)
    await request(services)
    await expectOneLine('budget')
  })

  test('requests that wait while no worker runs are told by a process that serves pages, until one runs [V6]', async () => {
    const services = open()
    const web = watchMailHealth({ state: services.mailState, log, times })
    closing.push(web.stop)
    await request(services)
    await expectOneLine('no-worker')
    const { services: worker } = await work()
    await untilLogged('emails_leaving_again')
    await expect.poll(async () => (await worker.mailState.read()).accepted).not.toBeNull()
  })

  test('a queue that a worker takes nothing from is told [V6]', async () => {
    const { services } = await work()
    await services.queue.open()
    await services.database.transaction(async (tx) => {
      const data = { target: { login: 'x' }, client: 'c', bypassPause: false, locale: 'en', requestId: 'r' }
      await services.queue.add('link-request', data, { tx })
      await tx.$executeRaw`UPDATE rekey_queue.job SET blocked = true`
    })
    await expectOneLine('queue-stuck')
  })
})

describe('what is no sign that no email leaves', () => {
  /** A busy machine takes seconds for fifty emails, which is neither silence nor a missing worker. */
  const patient = {
    ...times,
    silence: 30_000,
    workerLost: 30_000,
    waiting: 30_000,
    stuck: 30_000,
    probe: 30_000,
  }

  /** All jobs have ended or wait for their next attempt, and the processes have looked since. */
  async function untilTried({ database: { pool } }: Services, queue: string, count: number): Promise<void> {
    const tried = async () =>
      (
        await pool.query(
          `SELECT 1 FROM rekey_queue.job WHERE name = $1 AND state NOT IN ('created', 'active')`,
          [queue],
        )
      ).rowCount
    await expect.poll(tried, { timeout: 30_000 }).toBe(count)
    await new Promise((resolve) => setTimeout(resolve, times.failing + 3 * times.check))
  }

  test('fifty people whose mailboxes refuse the email [V6]', async () => {
    const { services } = await work(
      { SMTP_URL: await scripted({ RCPT: '550 5.1.1 no such user' }) },
      {},
      patient,
    )
    for (let people = 0; people < 50; people += 1) await request(services)
    await untilTried(services, 'link-email', 50)
    expect(lines('email_failed')).toHaveLength(50)
    expect(lines('emails_not_leaving')).toEqual([])
    expect(await services.mailState.read()).toMatchObject({ failing: null })
  })

  test.each<[string, Script]>([
    ['whose mailbox puts the email off', { RCPT: '450 4.2.0 greylisted' }],
    ['whose email is refused for its content', { '.': '554 5.7.1 spam' }],
    ['whose email the mail server never answers for', { '.': null }],
  ])('one person %s, however long it takes [V6]', async (_, script) => {
    const { services } = await work({ SMTP_URL: await scripted(script) })
    await request(services)
    await new Promise((resolve) => setTimeout(resolve, 2 * times.failing))
    expect(lines('emails_not_leaving')).toEqual([])
    expect(await services.mailState.read()).toMatchObject({ failing: null })
  })

  test('a worker in trouble among others that send: what fails counts from the last email that left [V6]', async () => {
    const { services: good } = await work({}, {}, patient)
    const refusing = await scripted({ banner: '554 go away' })
    await work({ SMTP_URL: refusing }, {}, patient)
    await untilLogged('mail_stopped')
    const sent = sink.emails.length
    while (sink.emails.length < sent + 3 || lines('email_deferred').length < 3) {
      await request(good)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await expect.poll(async () => (await good.mailState.read()).accepted).not.toBeNull()
    const { accepted, failing, cause } = await good.mailState.read()
    expect(failing ?? 0).toBeLessThanOrEqual(accepted!)
    expect(cause).toBe('greeting')
    expect(lines('mail_stopped')).toMatchObject([{ cause: 'greeting' }])
  })
})
