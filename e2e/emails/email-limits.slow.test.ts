import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTo, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { settled } from '@/e2e/support/settled-jobs'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

const limits = { EMAIL_COOLDOWN: '0s', LIMIT_EMAILS_PER_ACCOUNT: '3/1h' }

let app: RunningApp
let twin: RunningApp
beforeAll(async () => {
  app = await startApp({ env: limits })
  twin = await startApp({
    env: { ...limits, SECRET_KEY: app.secret, PUBLIC_URL: app.url },
    database: app.database,
    sink: app.sink,
  })
})
afterAll(async () => {
  await twin?.stop()
  await app?.stop()
})

const requestLink = (login: string, of = app) => of.post('send-reset-password-link', { login })

function workerOf({ output }: RunningApp): number {
  const started = output().match(/^.*"event":"worker_started".*$/gm) ?? []
  return (JSON.parse(started.at(-1)!) as { pid: number }).pid
}

/** Starts a proxy that accepts connections and sends nothing until `open` is called. */
async function startBlockedProxy(smtpUrl: string) {
  const { hostname, port } = new URL(smtpUrl)
  let isOpen = false
  const { promise: connected, resolve: connect } = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    connect()
    sockets.add(client.on('error', () => client.destroy()))
    if (!isOpen) return
    const upstream = connectTo(Number(port), hostname).on('error', () => client.destroy())
    sockets.add(upstream)
    client.pipe(upstream).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}?ignoreTLS=true`,
    connected,
    open: () => void (isOpen = true),
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Lets the queue notice the missing heartbeat now, and make the next attempt at once. */
async function retryAfterKill({ sql }: RunningApp): Promise<void> {
  const retry = async () => {
    await sql.query(
      `UPDATE rekey_queue.job SET heartbeat_on = now() - interval '10 minutes' WHERE name = 'link-email' AND state = 'active'`,
    )
    const { rowCount } = await sql.query(
      `UPDATE rekey_queue.job SET start_after = now() WHERE name = 'link-email' AND state = 'retry'`,
    )
    return rowCount
  }
  await expect.poll(retry, { timeout: 40_000, interval: 500 }).toBe(1)
}

describe('emails of one account', () => {
  test('200 requests at once, by username and address on two instances, send no more emails than the limit [R2]', async () => {
    const person = await app.addPerson()
    const requests = Array.from({ length: 200 }, (_, i) =>
      requestLink(i % 2 === 0 ? person.username : person.email.toUpperCase(), i % 3 === 0 ? twin : app),
    )
    const statuses = (await Promise.all(requests)).map(({ status }) => status)
    // A slow machine may respond 503 to some of so many requests at once.
    expect(statuses.filter((status) => ![200, 503].includes(status))).toEqual([])
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(150)
    await settled(app, 40_000)
    expect(app.sink.countTo(person.email)).toBe(3)
    const link = readLink((await app.sink.next(person.email)).link)
    expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
  })

  test('an email that the mail server defers counts once for the limit and arrives once [R2]', async () => {
    const person = await app.addPerson()
    app.sink.refuse = { code: 451, text: 'come back later' }
    await requestLink(person.username)
    const attempts = async () =>
      (await app.sql.query(`SELECT 1 FROM rekey_queue.job WHERE name = 'link-email' AND state = 'retry'`))
        .rowCount
    await expect.poll(attempts, { timeout: 20_000 }).toBe(1)
    app.sink.refuse = undefined
    // Makes the next attempt without its delay.
    await app.sql.query(
      `UPDATE rekey_queue.job SET start_after = now() WHERE name = 'link-email' AND state = 'retry'`,
    )
    await app.sink.next(person.email, 40_000)
    await settled(app, 40_000)
    expect(app.sink.countTo(person.email)).toBe(1)
  })

  test('an email that fails at its last attempt is recorded in the audit log of its account [F1]', async () => {
    const person = await app.addPerson()
    app.sink.refuse = { code: 451, text: 'come back later' }
    await requestLink(person.username)
    const retry = async () =>
      (
        await app.sql.query(
          `UPDATE rekey_queue.job SET start_after = now(), retry_limit = 1 WHERE name = 'link-email' AND state = 'retry'`,
        )
      ).rowCount
    await expect.poll(retry, { timeout: 20_000 }).toBe(1)
    const failure = async () =>
      (
        await app.sql.query(`SELECT "reason" FROM "rekey"."audit" WHERE "account_id" = $1 AND "event" = $2`, [
          person.id,
          'authn_token_undelivered',
        ])
      ).rows
    await expect.poll(failure, { timeout: 40_000 }).toEqual([{ reason: 'link-email EENVELOPE 451 RCPT TO' }])
    app.sink.refuse = undefined
  })

  test('an email whose worker was killed before sending counts once, and another email may not use its count [R2, F3]', async () => {
    const proxy = await startBlockedProxy(app.sink.url)
    const crashing = await startApp({ env: { LIMIT_EMAILS_PER_ACCOUNT: '1/1h', SMTP_URL: proxy.url } })
    try {
      const person = await crashing.addPerson()
      await requestLink(person.username, crashing)
      await proxy.connected
      const counted = async () =>
        (
          await crashing.sql.query('SELECT "email_jobs" FROM "rekey"."recovery" WHERE "account_id" = $1', [
            person.id,
          ])
        ).rows
      // The first connection may be the worker's check of the mail server.
      await expect.poll(counted).toMatchObject([{ email_jobs: [expect.any(String)] }])
      const before = await counted()

      process.kill(workerOf(crashing), 'SIGKILL')
      proxy.open()
      await retryAfterKill(crashing)
      await app.sink.next(person.email, 40_000)
      expect(await counted()).toEqual(before)

      await requestLink(person.username, crashing)
      await settled(crashing, 40_000)
      expect(app.sink.countTo(person.email)).toBe(1)
    } finally {
      await crashing.stop()
      proxy.close()
    }
  }, 120_000)

  test('an email whose worker was killed before the last reply is sent again with the same Message-ID and link [M10, F3]', async () => {
    const crashing = await startApp()
    try {
      const person = await crashing.addPerson()
      crashing.sink.mute = true
      await requestLink(person.username, crashing)
      const first = await crashing.sink.next(person.email)
      process.kill(workerOf(crashing), 'SIGKILL')
      crashing.sink.mute = false
      await retryAfterKill(crashing)
      const second = await crashing.sink.next(person.email, 40_000)
      expect([second.mail.messageId, second.link]).toEqual([first.mail.messageId, first.link])
      await settled(crashing, 40_000)
      expect(crashing.sink.countTo(person.email)).toBe(2)
    } finally {
      await crashing.stop()
    }
  }, 120_000)

  test('an email to a rejected recipient is not tried again, and the response to the request does not reveal it [M6]', async () => {
    const person = await app.addPerson()
    app.sink.refuse = { code: 550, text: 'no such person' }
    expect((await requestLink(person.username)).status).toBe(200)
    await settled(app, 40_000)
    app.sink.refuse = undefined
    const { rows } = await app.sql.query<{ event: string; reason: string }>(
      'SELECT "event", "reason" FROM "rekey"."audit" WHERE "account_id" = $1 ORDER BY "id" DESC LIMIT 1',
      [person.id],
    )
    expect(rows[0]!.event).toBe('authn_token_undelivered')
    expect(rows[0]!.reason).toContain('550')
  })

  test('an account whose stored address lists two addresses gets no email at either [M6, C5]', async () => {
    const person = await app.addPerson({ email: 'victim@example.com,evil@example.com' })
    await requestLink(person.username)
    await settled(app, 40_000)
    expect(app.sink.emails.filter(({ raw }) => raw.includes(person.username))).toEqual([])
  })

  test('a job with hostile data sends no email, and the worker continues [M6]', async () => {
    const before = app.sink.emails.length
    for (const data of [
      {
        accountId: 'x@y,z@w\r\nRCPT TO:<evil@example.com>',
        requestedAt: 1,
        locale: 'en',
        requestId: 'r',
        bypassPause: false,
      },
      { accountId: randomUUID(), requestedAt: 1, locale: '../../etc', requestId: 'r', bypassPause: true },
    ]) {
      await app.sql.query(
        `INSERT INTO rekey_queue.job (name, data, retry_limit) VALUES ('link-email', $1, 0)`,
        [data],
      )
    }
    await settled(app, 40_000)
    expect(app.sink.emails.length).toBe(before)
    const person = await app.addPerson()
    await requestLink(person.username)
    await app.sink.next(person.email)
  })
})

describe('emails of the whole installation', () => {
  test('the limit on all emails defers emails with links, first emails only above its double, and logs one error [R1]', async () => {
    const small = await startApp({ env: { LIMIT_EMAILS: '2/1h' } })
    try {
      const people: Person[] = []
      for (let i = 0; i < 5; i += 1) people.push(await small.addPerson())
      for (const { username } of people) await requestLink(username, small)
      const deferred = async () =>
        (await small.sql.query(`SELECT 1 FROM rekey_queue.job WHERE name = 'link-email' AND state = 'retry'`))
          .rowCount
      await expect.poll(deferred, { timeout: 30_000 }).toBe(1)
      await expect.poll(() => small.sink.emails.length, { timeout: 20_000 }).toBe(4)
      await requestLink(people[0]!.username, small)
      await expect.poll(deferred, { timeout: 30_000 }).toBe(2)
      const [email] = small.sink.emails
      const answer = await small.post('reset-password', {
        ...readLink(email!.link),
        password: newPassword(),
      })
      expect(answer.status).toBe(200)
      // The limit does not apply to the email about the change.
      await expect.poll(() => small.sink.emails.length, { timeout: 20_000 }).toBe(5)
      expect(small.output().split('email_budget_spent')).toHaveLength(2)
    } finally {
      await small.stop()
    }
  })

  test('a second request within the cool-down gets the same response and sends no second email [T6]', async () => {
    const calm = await startApp({ env: { EMAIL_COOLDOWN: '60s' } })
    try {
      const person = await calm.addPerson()
      const answers = [await requestLink(person.username, calm), await requestLink(person.username, calm)]
      expect(answers.map(({ status, text }) => [status, text])).toEqual([
        [200, answers[0]!.text],
        [200, answers[0]!.text],
      ])
      await calm.sink.next(person.email)
      await settled(calm, 40_000)
      expect(calm.sink.countTo(person.email)).toBe(1)
    } finally {
      await calm.stop()
    }
  })
})
