import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { simpleParser } from 'mailparser'
import { pino } from 'pino'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { RenderedEmail } from '@/lib/mail/email-types'
import { createMailer, type MailerOptions, type OutgoingEmail } from '@/lib/mail/mailer'
import { attemptDeadlineMs, smtpOptions } from '@/lib/mail/smtp-options'
import { classifyFailure } from '@/lib/mail/delivery-result'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'

const canary = 'c4n4ry-Signature-in-the-link'
const content: RenderedEmail = {
  subject: 'Reset your password – Bücher',
  html: `<p>Grüße</p><p><a href="https://id.example.com/reset-password/?signature=${canary}">Go</a></p>${'<b>wide</b>'.repeat(300)}`,
  text: `Grüße\n\nhttps://id.example.com/reset-password/?signature=${canary}\n.\n${'x'.repeat(3000)}\n`,
}

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

type Delivery = { raw: string; secure: boolean; user: unknown }

/** A real SMTP server that keeps what it was given, byte for byte, and what was said before an email's DATA. */
async function receiveMail(options: SMTPServerOptions = {}) {
  const deliveries: Delivery[] = []
  const heard: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        deliveries.push({
          raw: Buffer.concat(chunks).toString('latin1'),
          secure: session.secure,
          user: session.user,
        })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.server.on('connection', (socket: Socket) =>
    socket.on('data', (chunk) => heard.push(chunk.toString('latin1'))),
  )
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  cleanUps.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  /** The commands of plain connections; DATA swallows the email. */
  const commands = () =>
    heard
      .join('')
      .replace(/(?<=^DATA\r\n)[^]*?^\.\r\n/gm, '')
      .split('\r\n')
      .slice(0, -1)
  return { deliveries, commands, port: (server.server.address() as AddressInfo).port }
}

/** A TCP server for what no proper mail server does. */
async function misbehave(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

/** Takes emails up to their last dot; what comes then is told. */
function takeEmails(socket: Socket, atTheDot: () => unknown) {
  socket.write('220 sink\r\n')
  let end = ''
  socket.on('data', (chunk) => {
    const said = chunk.toString('latin1')
    end = (end + said).slice(-5)
    if (end === '\r\n.\r\n') atTheDot()
    else if (/^(EHLO|MAIL|RCPT|DATA)/.test(said)) {
      socket.write(said.startsWith('DATA') ? '354 go\r\n' : '250 ok\r\n')
    }
  })
}

/** An email that may have left. */
const unanswered = {
  ok: false,
  final: false,
  maybeDelivered: true,
  cause: 'server',
  reason: 'mail-unanswered',
}

const logged: string[] = []
const log = pino({ level: 'trace' }, { write: (line) => void logged.push(line) })

function mailerFor(smtpUrl: string, options: Partial<MailerOptions> = {}) {
  const mailer = createMailer({ smtpUrl, from: 'Example <no-reply@mail.example.com>', log, ...options })
  cleanUps.push(() => mailer.close())
  return {
    send: (outgoing: Partial<OutgoingEmail> = {}) =>
      mailer.send({ id: randomUUID(), to: 'jane@example.com', content, deadlineMs: 10_000, ...outgoing }),
  }
}

const plainTo = (port: number) => `smtp://localhost:${port}/?ignoreTLS=true`

const refusing = (responseCode: number, message: string) =>
  Object.assign(new Error(message), { responseCode })

describe('what goes over the wire', () => {
  test('one sender, one recipient, and the headers that there are [M2, M6, M8]', async () => {
    const { deliveries, commands, port } = await receiveMail()
    const id = randomUUID()
    const mailer = mailerFor(plainTo(port), { replyTo: 'Help <help@example.com>' })
    expect(await mailer.send({ id, to: 'Jane.Doe@Bücher.example' })).toMatchObject({ ok: true })

    expect(deliveries).toHaveLength(1)
    expect(commands()).toEqual([
      expect.stringMatching(/^EHLO /),
      'MAIL FROM:<no-reply@mail.example.com>',
      'RCPT TO:<Jane.Doe@xn--bcher-kva.example>',
      'DATA',
    ])
    const { raw } = deliveries[0]!
    const mail = await simpleParser(raw)
    expect(mail.headerLines.map(({ key }) => key).sort()).toEqual(
      [
        'auto-submitted',
        'content-type',
        'date',
        'from',
        'message-id',
        'mime-version',
        'reply-to',
        'subject',
        'to',
      ].sort(),
    )
    expect(raw).toMatch(/^From: Example <no-reply@mail\.example\.com>\r$/m)
    expect(raw).toMatch(/^To: Jane\.Doe@xn--bcher-kva\.example\r$/m)
    expect(raw).toMatch(/^Reply-To: Help <help@example\.com>\r$/m)
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
    expect(mail.messageId).toBe(`<${id}@mail.example.com>`)
    expect(mail.subject).toBe(content.subject)
    expect(Math.abs(Date.now() - mail.date!.getTime())).toBeLessThan(60_000)
  })

  test('plain text first, then HTML, UTF-8, no long line, and the link whole in both [M1, M3]', async () => {
    const { deliveries, port } = await receiveMail()
    await mailerFor(plainTo(port)).send()
    const { raw } = deliveries[0]!

    expect(raw).toMatch(/^Content-Type: multipart\/alternative;/m)
    expect(
      [...raw.matchAll(/^Content-Type: (text\/\w+); charset=(utf-8)\r$/gm)].map(([, type]) => type),
    ).toEqual(['text/plain', 'text/html'])
    expect(raw).not.toMatch(/[^\x00-\x7f]/)
    expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998)

    const mail = await simpleParser(raw, { skipTextToHtml: true })
    expect(mail.text?.trimEnd()).toBe(content.text.trimEnd())
    expect(mail.html && mail.html.trimEnd()).toBe(content.html)
    expect(mail.attachments).toEqual([])
  })

  test('two attempts for one job carry one Message-ID [M10]', async () => {
    const { deliveries, port } = await receiveMail()
    const mailer = mailerFor(plainTo(port))
    const id = randomUUID()
    await mailer.send({ id })
    await mailer.send({ id })
    const ids = await Promise.all(deliveries.map(async ({ raw }) => (await simpleParser(raw)).messageId))
    expect(ids).toEqual([`<${id}@mail.example.com>`, `<${id}@mail.example.com>`])
  })

  const breaks = ['\r\n', '\n', '\r', '\u0085', '\u2028', '\u2029', '\u0000', '\u000b']
  test.each(breaks.map((text) => [JSON.stringify(text), text]))(
    '%s in a subject or a body makes no header and no command [C7]',
    async (_, text) => {
      const { deliveries, commands, port } = await receiveMail()
      const attack = `Hello${text}Bcc: eve@evil.example${text}${text}.${text}MAIL FROM:<eve@evil.example>`
      const outcome = await mailerFor(plainTo(port)).send({
        content: { subject: attack, html: attack, text: attack },
      })
      expect(outcome).toMatchObject({ ok: true })
      expect(deliveries).toHaveLength(1)
      expect(commands().slice(1)).toEqual([
        'MAIL FROM:<no-reply@mail.example.com>',
        'RCPT TO:<jane@example.com>',
        'DATA',
      ])
      const mail = await simpleParser(deliveries[0]!.raw)
      expect(mail.headerLines.map(({ key }) => key)).not.toContain('bcc')
      expect(mail.headerLines).toHaveLength(8)
      expect(mail.subject).toBe('Hello Bcc: eve@evil.example . MAIL FROM:<eve@evil.example>')
    },
  )

  test.each([
    'jane@example.com,eve@evil.example',
    'jane@example.com;eve@evil.example',
    'jane@example.com eve@evil.example',
    'jane@example.com\r\nRCPT TO:<eve@evil.example>',
    'jane@example.com>\r\nRCPT TO:<eve@evil.example',
    'jane@example.com\u2028',
    '"eve@evil.example"@example.com',
    'Jane <jane@example.com>',
    'friends:jane@example.com,eve@evil.example;',
    '-jane@example.com',
    'ki\u017Fs@example.com',
    'jane\uFF20example.com',
    '',
  ])('nothing is said to the mail server for the stored address %j [M6, C4, C5, C6, C7]', async (to) => {
    const { port, sockets } = await misbehave(() => {})
    expect(await mailerFor(plainTo(port)).send({ to })).toEqual({
      ok: false,
      final: true,
      cause: 'recipient',
      reason: 'address-refused',
    })
    expect(sockets.size).toBe(0)
  })

  test.each([
    'no-reply@example.com\r\nBcc: eve@evil.example',
    'Example\nBcc: eve@evil.example <no-reply@example.com>',
    'no-reply@example.com,eve@evil.example',
    '-oX@example.com',
    '"eve@evil.example"@example.com',
    'nobody',
  ])('a mailer does not start with the sender %j [C7]', (text) => {
    expect(() => createMailer({ smtpUrl: 'smtp://localhost', from: text, log })).toThrow(
      'VERIFICATION_FROM_EMAIL',
    )
    const asReplyTo = { smtpUrl: 'smtp://localhost', from: 'a@example.com', replyTo: text, log }
    expect(() => createMailer(asReplyTo)).toThrow('VERIFICATION_REPLY_TO_EMAIL')
  })

  test('an email that points to a file is not filled with it [M8]', async () => {
    const { deliveries, port } = await receiveMail()
    const text = { path: '/etc/passwd' } as unknown as string
    const outcome = await mailerFor(plainTo(port)).send({ content: { ...content, text } })
    expect(outcome).toMatchObject({ ok: false, final: false, alert: true })
    expect(deliveries).toEqual([])
  })
})

describe('what nodemailer could make of an email [M8]', () => {
  test('a sender whose name looks like more than one is one', async () => {
    const { deliveries, port } = await receiveMail()
    const from = 'Example, eve: Inc.; and all <no-reply@mail.example.com>'
    expect(await mailerFor(plainTo(port), { from }).send()).toMatchObject({ ok: true })
    const mail = await simpleParser(deliveries[0]!.raw)
    expect(mail.from?.value).toEqual([
      { name: 'Example, eve: Inc.; and all', address: 'no-reply@mail.example.com' },
    ])
  })

  test('an email that points to a URL fetches nothing', async () => {
    const { deliveries, port } = await receiveMail()
    const elsewhere = await misbehave(() => {})
    const text = { href: `http://127.0.0.1:${elsewhere.port}/` } as unknown as string
    const outcome = await mailerFor(plainTo(port)).send({ content: { ...content, text }, deadlineMs: 3_000 })
    expect(outcome).toMatchObject({ ok: false, final: false, alert: true })
    expect([deliveries, elsewhere.sockets.size]).toEqual([[], 0])
  })
})

describe('what the mail server says', () => {
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
  ])('%i %s to the recipient [F5, F6]', async (code, message, expected) => {
    const { port } = await receiveMail({
      onRcptTo: (_address, _session, done) => done(refusing(code, message)),
    })
    expect(await mailerFor(plainTo(port)).send()).toEqual({ ok: false, final: false, ...expected })
  })

  test.each([
    [554, '5.6.0 We do not like it', { final: true, cause: 'message', reason: 'EMESSAGE 554 5.6.0 DATA' }],
    [452, 'Disk full', { cause: 'message', reason: 'EMESSAGE 452 DATA' }],
  ])('%i %s to the content [F5, F6]', async (code, message, expected) => {
    const { port } = await receiveMail({
      onData: (stream, _, done) => stream.resume().on('end', () => done(refusing(code, message))),
    })
    expect(await mailerFor(plainTo(port)).send()).toEqual({ ok: false, final: false, ...expected })
  })

  test('a sender that is refused is our fault, and no reason to give the email up [F6]', async () => {
    const { port } = await receiveMail({
      onMailFrom: (_address, _session, done) => done(refusing(553, 'Not yours')),
    })
    const expected = {
      ok: false,
      final: false,
      alert: true,
      cause: 'sender',
      reason: 'EENVELOPE 553 MAIL FROM',
    }
    expect(await mailerFor(plainTo(port)).send()).toEqual(expected)
  })

  test('a login that fails is our fault; one that holds is percent-decoded [F6]', async () => {
    const { deliveries, port } = await receiveMail({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _, done) =>
        username === 'mail@example.com' && password === 'p/w%:@'
          ? done(null, { user: username })
          : done(refusing(535, 'No')),
    })
    const wrong = mailerFor(`smtp://mail%40example.com:guess@localhost:${port}/?ignoreTLS=true`)
    expect(await wrong.send()).toEqual({
      ok: false,
      final: false,
      alert: true,
      cause: 'authentication',
      reason: 'EAUTH 535 AUTH PLAIN',
    })
    const right = mailerFor(`smtp://mail%40example.com:p%2Fw%25%3A%40@localhost:${port}/?ignoreTLS=true`)
    expect(await right.send()).toMatchObject({ ok: true })
    expect(deliveries.map(({ user }) => user)).toEqual(['mail@example.com'])
  })

  test('after a 421 the next email goes out on a new connection [F5]', async () => {
    let turnedAway = 0
    const { deliveries, port } = await receiveMail({
      onMailFrom: (_address, _session, done) => done(turnedAway++ === 0 ? refusing(421, 'Later') : null),
    })
    const mailer = mailerFor(plainTo(port))
    expect(await mailer.send()).toMatchObject({
      ok: false,
      final: false,
      reason: expect.stringMatching(/\b421\b/),
    })
    expect(await mailer.send()).toMatchObject({ ok: true })
    expect(deliveries).toHaveLength(1)
  })

  test('nobody listens [F5]', async () => {
    const { port } = await misbehave(() => {})
    await cleanUps.pop()!()
    expect(await mailerFor(plainTo(port)).send()).toEqual({
      ok: false,
      final: false,
      cause: 'network',
      reason: 'ECONNREFUSED CONN',
    })
  })

  test('a host without an address [F5]', async () => {
    const outcome = await mailerFor('smtp://no-such-host.invalid:25/?ignoreTLS=true').send({
      deadlineMs: 3000,
    })
    expect(outcome).toMatchObject({ ok: false, final: false, cause: 'network' })
    expect(outcome).not.toHaveProperty('alert')
  })

  test('a connection that drops when the answer is due is tried again later, not now [F3]', async () => {
    let offered = 0
    const { port, sockets } = await misbehave((socket) =>
      takeEmails(socket, () => {
        offered++
        socket.destroy()
      }),
    )
    const outcome = await mailerFor(plainTo(port)).send({ content: { subject: 'x', html: 'x', text: 'x' } })
    expect(outcome).toEqual(unanswered)
    expect([offered, sockets.size]).toEqual([1, 1])
  })

  test.each([
    ['silent', () => undefined],
    ['drips', (socket: Socket) => setInterval(() => socket.write('2'), 40)],
  ])(
    'an answer that never comes (%s) is told apart from an email that never left [M9]',
    async (_, answer) => {
      const { port, sockets } = await misbehave((socket) => takeEmails(socket, () => answer(socket)))
      const start = performance.now()
      expect(await mailerFor(plainTo(port)).send({ deadlineMs: 300, replyMs: 900 })).toEqual(unanswered)
      expect(performance.now() - start).toBeGreaterThan(850)
      expect(performance.now() - start).toBeLessThan(30_000)
      await vi.waitFor(() => expect([...sockets].every((socket) => socket.destroyed)).toBe(true), 5000)
    },
  )

  test('a server that drips one byte at a time is left at the deadline [M9]', async () => {
    const { port } = await misbehave((socket) => {
      socket.write('220 sink\r\n')
      socket.once('data', () => {
        const drip = setInterval(() => socket.write('2'), 40)
        cleanUps.push(() => clearInterval(drip))
        socket.once('close', () => clearInterval(drip))
      })
    })
    const start = performance.now()
    expect(await mailerFor(plainTo(port)).send({ deadlineMs: 600 })).toEqual({
      ok: false,
      final: false,
      cause: 'server',
      reason: 'deadline',
    })
    expect(performance.now() - start).toBeGreaterThan(550)
    expect(performance.now() - start).toBeLessThan(30_000)
  })

  test('an email that is given no times has a minute, and ten for the answer, and leaves no timer behind [M9, F14]', async () => {
    const [started, cleared] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')]
    cleanUps.push(() => [started, cleared].forEach((spy) => spy.mockRestore()))
    const { port } = await receiveMail()
    const mailer = createMailer({ smtpUrl: plainTo(port), from: 'no-reply@example.com', log })
    cleanUps.push(() => mailer.close())
    expect(await mailer.send({ id: randomUUID(), to: 'jane@example.com', content })).toMatchObject({
      ok: true,
    })
    const times = started.mock.calls.map(([, ms], nth) => ({ ms, timer: started.mock.results[nth]!.value }))
    const own = times.filter(({ ms }) => ms === 60_000 || ms === 600_000)
    expect(own.map(({ ms }) => ms)).toEqual(expect.arrayContaining([60_000, 600_000]))
    for (const { timer } of own) expect(cleared.mock.calls.flat()).toContain(timer)
    expect(attemptDeadlineMs).toBe(660_000)
  })

  test('no step of a delivery may take long [M9]', () => {
    expect(smtpOptions('smtp://mail.example.com')).toMatchObject({
      dnsTimeout: 10_000,
      connectionTimeout: 15_000,
      greetingTimeout: 15_000,
      socketTimeout: attemptDeadlineMs,
      socketCloseTimeout: 1_000,
      idleTimeout: 60_000,
    })
  })

  test('one email in a tar pit holds up no other [M9]', async () => {
    const { deliveries, port } = await receiveMail({
      onRcptTo: ({ address }, _session, done) => void (address.startsWith('tarpit') || done()),
    })
    const mailer = mailerFor(plainTo(port))
    const stuck = mailer.send({ to: 'tarpit@example.com', deadlineMs: 1500 })
    const others = await Promise.all(
      Array.from({ length: 50 }, (_, i) => mailer.send({ to: `u${i}@example.com` })),
    )
    expect(others.every(({ ok }) => ok)).toBe(true)
    expect(deliveries).toHaveLength(50)
    expect(await stuck).toEqual({ ok: false, final: false, cause: 'server', reason: 'deadline' })
  })
})

describe('TLS', () => {
  const trusted = makeSelfSignedCertificate('localhost')
  const stranger = makeSelfSignedCertificate('localhost')
  const otherName = makeSelfSignedCertificate('mail.example.com')
  beforeAll(() => setDefaultCACertificates([...getCACertificates(), trusted.cert, otherName.cert]))

  test('the email goes out after STARTTLS, and over TLS from the start [M7]', async () => {
    const startTls = await receiveMail({ ...trusted, disabledCommands: [] })
    expect(await mailerFor(`smtp://localhost:${startTls.port}`).send()).toMatchObject({ ok: true })
    expect(startTls.deliveries.map(({ secure }) => secure)).toEqual([true])
    const implicit = await receiveMail({ ...trusted, secure: true })
    expect(await mailerFor(`smtps://localhost:${implicit.port}`).send()).toMatchObject({ ok: true })
    expect(implicit.deliveries.map(({ secure }) => secure)).toEqual([true])
  })

  test('the answer to a whole email is waited for past the deadline [M9]', async () => {
    const slow = await receiveMail({
      ...trusted,
      disabledCommands: [],
      onData: (stream, _, done) => stream.resume().on('end', () => setTimeout(done, 2_000)),
    })
    const patient = mailerFor(`smtp://localhost:${slow.port}`)
    expect(await patient.send({ deadlineMs: 1000, replyMs: 10_000 })).toMatchObject({ ok: true })
  })

  test('without STARTTLS nothing is sent, and no password is said [M7, F6]', async () => {
    const heard: string[] = []
    const { deliveries, port } = await receiveMail({
      allowInsecureAuth: true,
      onAuth: ({ password }, _, done) => {
        heard.push(String(password))
        done(null, { user: 'x' })
      },
    })
    const outcome = await mailerFor(`smtp://user:secret@localhost:${port}`).send()
    expect(outcome).toMatchObject({
      ok: false,
      final: false,
      alert: true,
      reason: expect.stringMatching(/^ETLS\b/),
    })
    expect(deliveries).toEqual([])
    expect(heard).toEqual([])
  })

  test.each([
    ['that nobody vouches for', stranger, 'smtp'],
    ['that nobody vouches for', stranger, 'smtps'],
    ['of another host', otherName, 'smtp'],
    ['of another host', otherName, 'smtps'],
  ])('a certificate %s is refused (%#) [M7, F6]', async (_, certificate, scheme) => {
    const { deliveries, port } = await receiveMail({
      ...certificate,
      secure: scheme === 'smtps',
      disabledCommands: [],
    })
    const outcome = await mailerFor(`${scheme}://localhost:${port}`).send()
    expect(outcome).toMatchObject({ ok: false, final: false, alert: true, cause: 'certificate' })
    expect(deliveries).toEqual([])
  })

  test('the URL decides where, and whether TLS is left out; nothing else [M7, M8]', () => {
    const options = smtpOptions(
      'smtp://mail.example.com?rejectUnauthorized=false&tls.rejectUnauthorized=false&debug=true&logger=true',
    )
    expect(options).toMatchObject({
      host: 'mail.example.com',
      port: 587,
      secure: false,
      requireTLS: true,
      ignoreTLS: false,
    })
    expect(options).toMatchObject({
      tls: { rejectUnauthorized: true },
      debug: false,
      logger: false,
      auth: undefined,
    })
    expect(smtpOptions('smtps://u:p@[::1]:2465')).toMatchObject({ host: '::1', port: 2465, secure: true })
    expect(smtpOptions('smtps://mail.example.com?ignoreTLS=true')).toMatchObject({
      secure: true,
      ignoreTLS: false,
      port: 465,
    })
    expect(smtpOptions('smtp://mail.example.com?ignoreTLS=true')).toMatchObject({
      requireTLS: false,
      ignoreTLS: true,
    })
    expect(smtpOptions('smtp://100%:p@mail.example.com').auth).toEqual({ user: '100%', pass: 'p' })
  })

  test.each([
    ['smtp://mail.example.com?ignoreTLS=true', ['mail.example.com']],
    ['smtp://localhost.example.com?ignoreTLS=true', ['localhost.example.com']],
    ['smtp://127.example.com?ignoreTLS=true', ['127.example.com']],
    ['smtp://localhost?ignoreTLS=true', []],
    ['smtp://127.0.0.1:2525?ignoreTLS=true', []],
    ['smtp://[::1]:2525?ignoreTLS=true', []],
    ['smtp://mail.example.com', []],
    ['smtps://mail.example.com?ignoreTLS=true', []],
  ])('%s is warned of for the hosts %j [M7]', (smtpUrl, hosts) => {
    const before = logged.length
    mailerFor(smtpUrl)
    const entries = logged.slice(before).map((line) => JSON.parse(line))
    expect(entries).toMatchObject(hosts.map((host) => ({ level: 40, event: 'mail_without_tls', host })))
  })
})

describe('the mailbox of demo and dev', () => {
  test('catches the very message that would have been sent, for its owner alone', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'rekey-mailer-'))
    cleanUps.push(() => rm(parent, { recursive: true }))
    const mailboxDir = join(parent, 'mailbox')
    const { deliveries, port } = await receiveMail()
    const id = randomUUID()
    await mailerFor(plainTo(port)).send({ id })
    const mailer = createMailer({ mailboxDir, from: 'Example <no-reply@mail.example.com>', log })
    expect(await mailer.send({ id, to: 'jane@example.com', content })).toMatchObject({ ok: true })
    expect(await mailer.send({ id, to: 'jane@example.com', content })).toMatchObject({ ok: true })

    expect(await readdir(mailboxDir)).toEqual([`${id}.eml`])
    expect((await stat(join(mailboxDir, `${id}.eml`))).mode & 0o777).toBe(0o600)
    const caught = await readFile(join(mailboxDir, `${id}.eml`), 'latin1')
    const comparable = (raw: string) =>
      raw.replace(/^Date: .*$/m, '').replace(/--_NmP-[0-9a-f]+/g, 'boundary')
    expect(comparable(caught)).toBe(comparable(deliveries[0]!.raw))
  })

  test('a mailbox that cannot be written is our fault', async () => {
    const mailer = createMailer({ mailboxDir: '/dev/null/mailbox', from: 'no-reply@example.com', log })
    const outcome = await mailer.send({ id: randomUUID(), to: 'jane@example.com', content })
    expect(outcome).toEqual({ ok: false, final: false, alert: true, cause: 'own', reason: 'ENOTDIR' })
  })

  test('an id that is no job id is refused before it becomes a file name', async () => {
    const mailer = createMailer({ mailboxDir: tmpdir(), from: 'no-reply@example.com', log })
    for (const id of ['../x', 'a/b', '', '.', 'a\r\nb', 'a'.repeat(65)]) {
      await expect(mailer.send({ id, to: 'jane@example.com', content })).rejects.toThrow('id of its job')
    }
  })
})

test('nothing of an email is ever logged or told, at any level [M8, L3]', async () => {
  const { port } = await receiveMail({
    onRcptTo: (_address, _session, done) => done(refusing(550, `5.1.1 <jane@example.com> said ${canary}`)),
  })
  const outcome = await mailerFor(plainTo(port)).send()
  expect(JSON.stringify(outcome)).not.toMatch(/jane|c4n4ry/)
  expect(logged.join('')).not.toMatch(/jane|c4n4ry/)
})

test.each([
  undefined,
  null,
  'text',
  new Error(`${canary} jane@example.com`),
  { code: `${canary} jane@example.com` },
])('an error that nobody thought of (%#) is told without its words, and rings [L3]', (error) => {
  const outcome = classifyFailure(error)
  expect(outcome).toMatchObject({ ok: false, final: false, alert: true })
  expect(outcome.reason).not.toMatch(/jane/)
})
