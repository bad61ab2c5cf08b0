import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { replyError, startRecordingMailServer } from '@/e2e/support/recording-mail-server'
import { content, startMailer, startScript } from '@/e2e/support/test-mailer'
import { createMailer } from '@/lib/mail/mailer'
import { attemptDeadlineMs, smtpOptions } from '@/lib/mail/smtp-options'

/** The result of an email that the server may have accepted. */
const unanswered = {
  ok: false,
  final: false,
  maybeDelivered: true,
  cause: 'server',
  reason: 'mail-unanswered',
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('2'), 40)
  socket.once('close', () => clearInterval(timer))
}

describe('replies of the mail server', () => {
  test.each([
    [
      550,
      '5.1.1 No such user jane@example.com',
      { final: true, cause: 'recipient', reason: 'EENVELOPE 550 5.1.1 RCPT TO' },
    ],
    [554, 'No.', { final: true, cause: 'recipient', reason: 'EENVELOPE 554 RCPT TO' }],
    [
      554,
      '5.7.1 <jane@example.com>: Relay access denied',
      { alert: true, cause: 'authentication', reason: 'EENVELOPE 554 5.7.1 RCPT TO' },
    ],
    [
      530,
      '5.7.0 Authentication required',
      { alert: true, cause: 'authentication', reason: 'EENVELOPE 530 5.7.0 RCPT TO' },
    ],
    [451, '4.7.1 Greylisted', { cause: 'recipient', reason: 'EENVELOPE 451 4.7.1 RCPT TO' }],
    [421, '4.3.2 Shutting down', { cause: 'server', reason: 'ECONNECTION 421 4.3.2 CONN' }],
    [503, 'Bad sequence', { cause: 'recipient', reason: 'EENVELOPE 503 RCPT TO' }],
  ])(
    'the reply "%i %s" to the recipient has its cause and its result [F5, F6]',
    async (code, text, expected) => {
      const { url } = await startRecordingMailServer({
        onRcptTo: (_address, _session, done) => done(replyError(code, text)),
      })
      expect(await startMailer({ smtpUrl: url }).send()).toEqual({ ok: false, final: false, ...expected })
    },
  )

  test.each([
    [554, '5.6.0 We do not like it', { final: true, cause: 'message', reason: 'EMESSAGE 554 5.6.0 DATA' }],
    [452, 'Disk full', { cause: 'message', reason: 'EMESSAGE 452 DATA' }],
  ])(
    'the reply "%i %s" to the content has its cause and its result [F5, F6]',
    async (code, text, expected) => {
      const { url } = await startRecordingMailServer({
        onData: (stream, _, done) => stream.resume().on('end', () => done(replyError(code, text))),
      })
      expect(await startMailer({ smtpUrl: url }).send()).toEqual({ ok: false, final: false, ...expected })
    },
  )

  test('a rejected sender raises an alert, and the email is tried again [F6]', async () => {
    const { url } = await startRecordingMailServer({
      onMailFrom: (_address, _session, done) => done(replyError(553, 'Not yours')),
    })
    expect(await startMailer({ smtpUrl: url }).send()).toEqual({
      ok: false,
      final: false,
      alert: true,
      cause: 'sender',
      reason: 'EENVELOPE 553 MAIL FROM',
    })
  })

  test('a rejected login raises an alert, and the password in SMTP_URL is percent-decoded [F6]', async () => {
    const { deliveries, port } = await startRecordingMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _, done) =>
        username === 'mail@example.com' && password === 'p/w%:@'
          ? done(null, { user: username })
          : done(replyError(535, 'No')),
    })
    const sendWith = (password: string) =>
      startMailer({
        smtpUrl: `smtp://mail%40example.com:${password}@localhost:${port}/?ignoreTLS=true`,
      }).send()
    expect(await sendWith('guess')).toEqual({
      ok: false,
      final: false,
      alert: true,
      cause: 'authentication',
      reason: 'EAUTH 535 AUTH PLAIN',
    })
    expect(await sendWith('p%2Fw%25%3A%40')).toMatchObject({ ok: true })
    expect(deliveries.map(({ user }) => user)).toEqual(['mail@example.com'])
  })

  test('after a reply of 421, the mailer sends the next email on a new connection [F5]', async () => {
    let senders = 0
    const { deliveries, url } = await startRecordingMailServer({
      onMailFrom: (_address, _session, done) => done(senders++ === 0 ? replyError(421, 'Later') : null),
    })
    const mailer = startMailer({ smtpUrl: url })
    expect(await mailer.send()).toMatchObject({
      ok: false,
      final: false,
      reason: expect.stringMatching(/\b421\b/),
    })
    expect(await mailer.send()).toMatchObject({ ok: true })
    expect(deliveries).toHaveLength(1)
  })

  test('a host name without an address is tried again later, without an alert [F5]', async () => {
    const mailer = startMailer({ smtpUrl: 'smtp://no-such-host.invalid:25/?ignoreTLS=true' })
    const outcome = await mailer.send({ deadlineMs: 3000 })
    expect(outcome).toMatchObject({ ok: false, final: false, cause: 'network' })
    expect(outcome).not.toHaveProperty('alert')
  })

  test('an email whose connection breaks before the last reply is in doubt and not sent again at once [F3]', async () => {
    let offered = 0
    const server = await startScript({
      '.': () => {
        offered += 1
        for (const socket of server.sockets) socket.destroy()
        return null
      },
    })
    expect(await startMailer({ smtpUrl: server.url }).send()).toEqual(unanswered)
    expect([offered, server.sockets.size]).toEqual([1, 1])
  })
})

describe('deadlines of one attempt', () => {
  test.each([
    ['sends nothing', () => undefined],
    ['sends one byte at a time', drip],
  ])('an email is in doubt when the server %s after the whole message [M9]', async (_, reply) => {
    const server = await startScript({
      '.': () => {
        for (const socket of server.sockets) reply(socket)
        return null
      },
    })
    const start = performance.now()
    const mailer = startMailer({ smtpUrl: server.url })
    expect(await mailer.send({ deadlineMs: 300, replyMs: 900 })).toEqual(unanswered)
    expect(performance.now() - start).toBeGreaterThan(850)
    expect(performance.now() - start).toBeLessThan(30_000)
    await vi.waitFor(() => expect([...server.sockets].every((socket) => socket.destroyed)).toBe(true), 5000)
  })

  test('an attempt ends at its deadline when the server sends one byte at a time [M9]', async () => {
    const server = await startScript({
      EHLO: () => {
        for (const socket of server.sockets) drip(socket)
        return null
      },
    })
    const start = performance.now()
    expect(await startMailer({ smtpUrl: server.url }).send({ deadlineMs: 600 })).toEqual({
      ok: false,
      final: false,
      cause: 'server',
      reason: 'deadline',
    })
    expect(performance.now() - start).toBeGreaterThan(550)
    expect(performance.now() - start).toBeLessThan(30_000)
  })

  test('by default, an attempt has a minute and ten more for the last reply, and clears its timers [M9, F14]', async () => {
    const [started, cleared] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')]
    onTestFinished(() => [started, cleared].forEach((spy) => spy.mockRestore()))
    const { url } = await startRecordingMailServer()
    const mailer = createMailer({ smtpUrl: url, from: 'no-reply@example.com', log: pino({ enabled: false }) })
    onTestFinished(() => mailer.close())
    expect(await mailer.send({ id: randomUUID(), to: 'jane@example.com', content })).toMatchObject({
      ok: true,
    })
    const times = started.mock.calls.map(([, ms], nth) => ({ ms, timer: started.mock.results[nth]!.value }))
    const own = times.filter(({ ms }) => ms === 60_000 || ms === 600_000)
    expect(own.map(({ ms }) => ms)).toEqual(expect.arrayContaining([60_000, 600_000]))
    for (const { timer } of own) expect(cleared.mock.calls.flat()).toContain(timer)
    expect(attemptDeadlineMs).toBe(660_000)
  })

  test('each step of a delivery has a time limit [M9]', () => {
    expect(smtpOptions('smtp://mail.example.com')).toMatchObject({
      dnsTimeout: 10_000,
      connectionTimeout: 15_000,
      greetingTimeout: 15_000,
      socketTimeout: attemptDeadlineMs,
      socketCloseTimeout: 1_000,
      idleTimeout: 60_000,
    })
  })

  test('an email whose server does not reply delays no other email [M9]', async () => {
    const { deliveries, url } = await startRecordingMailServer({
      onRcptTo: ({ address }, _session, done) => void (address.startsWith('stuck') || done()),
    })
    const mailer = startMailer({ smtpUrl: url })
    const stuck = mailer.send({ to: 'stuck@example.com', deadlineMs: 1500 })
    const others = await Promise.all(
      Array.from({ length: 50 }, (_, i) => mailer.send({ to: `u${i}@example.com` })),
    )
    expect(others.every(({ ok }) => ok)).toBe(true)
    expect(deliveries).toHaveLength(50)
    expect(await stuck).toEqual({ ok: false, final: false, cause: 'server', reason: 'deadline' })
  })
})
