import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { pino } from 'pino'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { resettableAccount } from '@/e2e/support/opened-services'
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

/** Shorter than the defaults. */
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
/** Called first, because a worker that stops would wait for these. */
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

async function request({ ownAccounts, queue }: Services, login?: string): Promise<void> {
  const username = login ?? `user-${randomBytes(6).toString('hex')}`
  if (login === undefined) await ownAccounts.add(resettableAccount(username))
  const target = { login: username }
  await queue.add('link-request', { target, client: 'c', bypassPause: false, locale: 'en', requestId: 'r' })
}

const lines = (event: string) => logged.filter((line) => line.event === event)
const untilLogged = (event: string) =>
  expect.poll(() => lines(event).length, { timeout: 20_000 }).toBeGreaterThan(0)

async function expectOneLine(cause: keyof typeof stopHints): Promise<void> {
  await untilLogged('emails_not_leaving')
  await new Promise((resolve) => setTimeout(resolve, 3 * times.check))
  expect(lines('emails_not_leaving')).toMatchObject([{ level: 50, cause, hint: stopHints[cause] }])
}

async function expectRecovery(): Promise<void> {
  const { services } = await work()
  await request(services)
  await untilLogged('emails_leaving_again')
  expect(await services.mailState.read()).toMatchObject({ failing: null, reported: null })
}

describe('a mail server that accepts no email', () => {
  const auth = { EHLO: '250-scripted\r\n250 AUTH PLAIN', AUTH: '535 5.7.8 no' }
  test.each<[string, keyof typeof stopHints, Script]>([
    ['rejects every connection for good', 'greeting', { banner: '554 go away' }],
    ['rejects every connection for now', 'server', { banner: '421 too many' }],
    ['rejects the name in EHLO', 'greeting', { EHLO: '550 who?', HELO: '550 who?' }],
    ['rejects the sender', 'sender', { MAIL: '550 5.7.1 not yours' }],
    ['has a full disk', 'server', { MAIL: '452 4.3.1 insufficient system storage' }],
    ['rejects the password', 'authentication', auth],
    ['accepts connections and sends nothing', 'network', { banner: null }],
    ['does not reply to EHLO', 'network', { EHLO: null }],
    ['does not reply to MAIL FROM', 'server', { MAIL: null }],
  ])('a mail server that %s is reported by one log line with a hint [V6]', async (_, cause, script) => {
    const user = cause === 'authentication' ? 'mail:a-password@' : ''
    const { services } = await work({ SMTP_URL: await scripted(script, { user }) })
    await request(services)
    await request(services)
    await expectOneLine(cause)
    expect(JSON.stringify(logged)).not.toContain('a-password')
  })

  test('a mail server that cannot be reached is reported at the start, and so is its return [V6]', async () => {
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
    // No link is requested in between: the worker notices by its connection.
    await untilLogged('emails_leaving_again')
    expect((await services.mailState.read()).failing).toBeNull()
  })

  test('a mail server with an untrusted certificate is reported, and so is the first email that leaves again [V6]', async () => {
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

  test('a mail server without a last reply is reported after the emails of two people [V6]', async () => {
    const { services } = await work({ SMTP_URL: await scripted({ '.': null }) })
    await request(services)
    await request(services)
    await expectOneLine('server')
  })

  test('a mail server that defers the emails of five people in a row is reported [V6]', async () => {
    const { services } = await work({ SMTP_URL: await scripted({ RCPT: '451 4.3.0 look-up failed' }) })
    for (let people = 0; people < 5; people += 1) await request(services)
    await expectOneLine('server')
  })
})

describe('jobs that send no email', () => {
  test('a function of the team that always throws is reported until it no longer throws [V6]', async () => {
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

  test('a sendEmail function of the team that always fails is reported with its reason [V6]', async () => {
    const { services } = await work(
      {},
      { sendEmail: async () => ({ ok: false, final: false, alert: true, reason: 'api-key' }) },
    )
    await request(services)
    await expectOneLine('own')
    expect(lines('emails_not_leaving')).toMatchObject([{ reason: 'api-key' }])
  })

  test('a function of the team that never ends is reported [V6]', async () => {
    const { promise, reject } = Promise.withResolvers<never>()
    breaking.push(() => reject(new Error('at last')))
    const { services } = await work({}, { findResettableAccounts: () => promise })
    await request(services)
    await expectOneLine('job-error')
    expect(lines('emails_not_leaving')).toMatchObject([{ reason: 'link-request deadline' }])
  })

  test('jobs that this version cannot parse are reported [V6]', async () => {
    const { services } = await work()
    await services.queue.add('link-request', { of: 'another version' } as unknown as JobData['link-request'])
    await expectOneLine('job-error')
  })

  test('emails that are not sent because their links would expire are reported [V6]', async () => {
    const { services } = await work()
    await request(services, 'nobody-here')
    const accountId = await services.ownAccounts.add(resettableAccount(`late-${randomUUID()}`))
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

  test('a reached limit on all emails is reported [V6]', async () => {
    const { services } = await work({ LIMIT_EMAILS: '1/1h' })
    const sent = sink.emails.length
    for (let people = 0; people < 2; people += 1) await request(services)
    await expect.poll(() => sink.emails.length, { timeout: 20_000 }).toBe(sent + 2)
    await request(services)
    await expectOneLine('budget')
  })

  test('a web process reports requests that wait without a worker, until a worker runs [V6]', async () => {
    const services = open()
    const web = watchMailHealth({ state: services.mailState, log, times })
    closing.push(web.stop)
    await request(services)
    await expectOneLine('no-worker')
    const { services: worker } = await work()
    await untilLogged('emails_leaving_again')
    await expect.poll(async () => (await worker.mailState.read()).accepted).not.toBeNull()
  })

  test('a queue whose jobs no running worker can take is reported [V6]', async () => {
    const { services } = await work()
    await services.database.transaction(async (tx) => {
      const data = { target: { login: 'x' }, client: 'c', bypassPause: false, locale: 'en', requestId: 'r' }
      await services.queue.add('link-request', data, { tx })
      await tx.$executeRaw`UPDATE rekey_queue.job SET blocked = true`
    })
    await expectOneLine('queue-stuck')
  })
})

describe('failures that do not mean that no email leaves', () => {
  /** Longer times, because a busy machine needs seconds for fifty emails. */
  const patient = {
    ...times,
    silence: 30_000,
    workerLost: 30_000,
    waiting: 30_000,
    stuck: 30_000,
    probe: 30_000,
  }

  /** Waits until all jobs have ended or wait for their next attempt, and the processes have checked since. */
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

  test('fifty rejected recipients are not reported as a stop of all emails [V6]', async () => {
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
    ['deferred by the mailbox', { RCPT: '450 4.2.0 greylisted' }],
    ['rejected for its content', { '.': '554 5.7.1 spam' }],
    ['without a last reply of the mail server', { '.': null }],
  ])(
    'one email %s is not reported as a stop of all emails, however long it takes [V6]',
    async (_, script) => {
      const { services } = await work({ SMTP_URL: await scripted(script) })
      await request(services)
      await new Promise((resolve) => setTimeout(resolve, 2 * times.failing))
      expect(lines('emails_not_leaving')).toEqual([])
      expect(await services.mailState.read()).toMatchObject({ failing: null })
    },
  )

  test('while another worker sends emails, the failures of one worker count only since the last sent email [V6]', async () => {
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
