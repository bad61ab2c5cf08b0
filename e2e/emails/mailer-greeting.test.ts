import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { SMTPServer } from 'smtp-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readMailSettings } from '@/e2e/support/mail-settings'
import { startScriptedMailServer, type Script } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { mailHints, stopsEveryEmail, type MailCause } from '@/lib/mail/failure-hints'
import { createMailer, type MailerOptions } from '@/lib/mail/mailer'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const logged: Record<string, unknown>[] = []
const log = pino({ level: 'trace' }, { write: (line) => void logged.push(JSON.parse(line)) })
beforeEach(() => void logged.splice(0))

const email = { subject: 'Hello', html: '<p>Hello</p>', text: 'Hello' }

function mailerFor(smtpUrl: string, options: Partial<MailerOptions> = {}) {
  const mailer = createMailer({ smtpUrl, from: 'no-reply@example.com', log, ...options })
  cleanUps.push(() => mailer.close())
  return {
    verify: () => mailer.verify(5_000),
    send: (to = 'jane@people.example') =>
      mailer.send({ id: randomUUID(), to, content: email, deadlineMs: 5_000 }),
  }
}

/** What comes of one email, and what the log says of it. */
async function sendThrough(script: Script, to?: string) {
  const server = await startScriptedMailServer(script)
  cleanUps.push(server.close)
  const outcome = await mailerFor(`smtp://127.0.0.1:${server.port}?ignoreTLS=true`).send(to)
  return { outcome, heard: server.heard }
}

const stoppedBy = (cause: keyof typeof mailHints, level: 'warn' | 'error') => ({
  level: level === 'error' ? 50 : 40,
  event: 'mail_stopped',
  cause,
  hint: mailHints[cause],
})

describe('the name in EHLO [V6]', () => {
  test('is the host of PUBLIC_URL, before and after STARTTLS', async () => {
    const inTheClear: string[] = []
    const names: string[] = []
    const certificate = makeSelfSignedCertificate('localhost')
    const server = new SMTPServer({
      ...certificate,
      authOptional: true,
      disableReverseLookup: true,
      onMailFrom(_address, session, done) {
        names.push(session.hostNameAppearsAs)
        done()
      },
    })
    server.server.on('connection', (socket: Socket) =>
      socket.once('data', (chunk) => inTheClear.push(chunk.toString())),
    )
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    cleanUps.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const folder = mkdtempSync(join(tmpdir(), 'rekey-greeting-'))
    cleanUps.push(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'ca.pem'), certificate.cert)
    const settings = readMailSettings({
      PUBLIC_URL: 'https://id.bücher.example',
      SMTP_URL: `smtp://localhost:${(server.server.address() as AddressInfo).port}`,
      SMTP_CA_FILE: join(folder, 'ca.pem'),
    })
    const mailer = createMailer({ ...settings, log })
    cleanUps.push(() => mailer.close())
    expect(await mailer.send({ id: randomUUID(), to: 'jane@people.example', content: email })).toMatchObject({
      ok: true,
    })
    expect(inTheClear).toEqual(['EHLO id.xn--bcher-kva.example\r\n'])
    expect(names).toEqual(['id.xn--bcher-kva.example'])
  })

  test('opens a relay that closes with 421 on [127.0.0.1], as smtp-relay.gmail.com does', async () => {
    const EHLO = (line: string) =>
      line === 'EHLO [127.0.0.1]' ? '421 4.7.0 Try again later, closing connection. (EHLO)' : '250 ok'
    const server = await startScriptedMailServer({ EHLO })
    cleanUps.push(server.close)
    const url = `smtp://127.0.0.1:${server.port}?ignoreTLS=true`
    expect(await mailerFor(url, { heloName: '[127.0.0.1]' }).send()).toEqual({
      ok: false,
      final: false,
      alert: true,
      cause: 'greeting',
      reason: 'ECONNECTION 421 4.7.0 EHLO',
    })
    expect(logged).toMatchObject([stoppedBy('greeting', 'error')])
    expect(mailHints.greeting).toContain('SMTP_HELO_NAME')
    expect(await mailerFor(url, { heloName: 'id.example.com' }).send()).toMatchObject({ ok: true })
  })
})

describe('what stops every email is an error in the log, with a hint [V6, F6]', () => {
  const cases: [what: string, script: Script, cause: keyof typeof mailHints, reason: string][] = [
    ['a banner of 554', { banner: '554 5.7.1 Go away' }, 'greeting', 'EPROTOCOL 554 5.7.1 CONN'],
    ['421 at EHLO', { EHLO: '421 4.7.0 Try again later' }, 'greeting', 'ECONNECTION 421 4.7.0 EHLO'],
    [
      '550 at EHLO and HELO',
      { EHLO: '550 5.7.1 Bad name', HELO: '550 5.7.1 Bad name' },
      'greeting',
      'EPROTOCOL 550 5.7.1 HELO',
    ],
    [
      '504 at EHLO and HELO',
      { EHLO: '504 5.5.2 <rekey>: need a full name', HELO: '504 5.5.2 <rekey>: need a full name' },
      'greeting',
      'EPROTOCOL 504 5.5.2 HELO',
    ],
    [
      'a name that Postfix refuses as late as RCPT',
      { RCPT: '504 5.5.2 <rekey>: Helo command rejected: need fully-qualified hostname' },
      'greeting',
      'EENVELOPE 504 5.5.2 RCPT TO',
    ],
    [
      'a name without an address, which Postfix puts off as late as RCPT',
      { RCPT: '450 4.7.1 <rekey.internal>: Helo command rejected: Host not found' },
      'greeting',
      'EENVELOPE 450 4.7.1 RCPT TO',
    ],
    [
      'a sender that Postfix refuses as late as RCPT',
      { RCPT: '553 5.7.1 <no-reply@example.com>: Sender address rejected: not owned by user x' },
      'sender',
      'EENVELOPE 553 5.7.1 RCPT TO',
    ],
    ['550 at MAIL FROM', { MAIL: '550 5.7.1 Not allowed' }, 'sender', 'EENVELOPE 550 5.7.1 MAIL FROM'],
    ['501 at MAIL FROM', { MAIL: '501 5.1.7 Bad sender' }, 'sender', 'EENVELOPE 501 5.1.7 MAIL FROM'],
    [
      'a sender that Exchange Online refuses at the end',
      { '.': '554 5.2.252 SendAsDenied; x@example.com not allowed to send as no-reply@example.com' },
      'sender',
      'EMESSAGE 554 5.2.252 DATA',
    ],
    [
      '530 Must issue a STARTTLS command first',
      { MAIL: '530 5.7.0 Must issue a STARTTLS command first' },
      'tls',
      'EENVELOPE 530 5.7.0 MAIL FROM',
    ],
    [
      '530 Authentication required',
      { MAIL: '530 5.7.0 Authentication Required' },
      'authentication',
      'EENVELOPE 530 5.7.0 MAIL FROM',
    ],
    [
      'a relay that is put off, as Postfix does by default',
      { RCPT: '454 4.7.1 <jane@people.example>: Relay access denied' },
      'authentication',
      'EENVELOPE 454 4.7.1 RCPT TO',
    ],
    [
      'a relay that qmail refuses',
      { RCPT: "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)" },
      'authentication',
      'EENVELOPE 553 RCPT TO',
    ],
  ]
  test.each(cases)('%s', async (_, script, cause, reason) => {
    const { outcome } = await sendThrough(script)
    expect(outcome).toEqual({ ok: false, final: false, alert: true, cause, reason })
    expect(stopsEveryEmail(cause)).toBe(true)
    expect(logged).toMatchObject([{ ...stoppedBy(cause, 'error'), reason }])
  })

  test('once until it changes, and when it is over', async () => {
    let banner = '554 No'
    const server = await startScriptedMailServer({ banner: () => banner })
    cleanUps.push(server.close)
    const mailer = mailerFor(`smtp://127.0.0.1:${server.port}?ignoreTLS=true`)
    await mailer.send()
    await mailer.send()
    banner = '220 hello'
    expect(await mailer.send()).toMatchObject({ ok: true })
    banner = '554 No'
    await mailer.send() // on the connection that is open
    const events = logged
      .filter(({ event }) => event !== 'email_accepted')
      .map(({ event, cause }) => [event, cause])
    expect(events).toEqual([
      ['mail_stopped', 'greeting'],
      ['mail_resumed', undefined],
    ])
  })
})

describe('what passes, or is about one email, is no such error [V6]', () => {
  const cases: [what: string, script: Script, cause: MailCause, final: boolean][] = [
    ['a banner of 421: too many connections', { banner: '421 4.7.0 Too many' }, 'server', false],
    ['4xx at MAIL FROM', { MAIL: '451 4.3.0 Later' }, 'server', false],
    ['a mailbox that does not exist', { RCPT: '550 5.1.1 No such user' }, 'recipient', true],
    ['a full mailbox', { RCPT: '452 4.2.2 Full' }, 'recipient', false],
    ['an email that looks like spam', { '.': '550 5.7.1 Looks like spam' }, 'message', true],
    [
      'a mailbox whose address speaks of a relay',
      { RCPT: '550 5.1.1 <relay@people.example>: Recipient address rejected: User unknown' },
      'recipient',
      true,
    ],
    [
      'a mailbox whose address, without a code, speaks of a relay',
      { RCPT: '550 relay@people.example: no such user here' },
      'recipient',
      true,
    ],
    [
      'a mailbox that a table of relays does not list',
      { RCPT: '550 5.1.1 User unknown in relay recipient table' },
      'recipient',
      true,
    ],
    [
      "a stranger's mail server that refuses to relay to ours",
      { RCPT: '550 host mx.people.example [192.0.2.1] said: 550 relay denied' },
      'recipient',
      true,
    ],
    [
      "a stranger's mail server that speaks of the sender and a relay to ours",
      {
        RCPT: '550 5.7.1 <jane@people.example>: Recipient address rejected: undeliverable address: host mx.people.example[192.0.2.1] said: 550 Sender address rejected: relay denied, bad HELO (in reply to RCPT TO command)',
      },
      'recipient',
      true,
    ],
  ]
  test.each(cases)('%s', async (_, script, cause, final) => {
    const { outcome } = await sendThrough(script, 'relay@people.example')
    expect(outcome).toMatchObject({ ok: false, final, cause })
    expect(outcome).not.toHaveProperty('alert')
    expect(stopsEveryEmail(cause)).toBe(false)
    expect(logged).toEqual([])
  })

  test('a server that is away is a warning with a hint, and verify says the same', async () => {
    const server = await startScriptedMailServer()
    server.close()
    const mailer = mailerFor(`smtp://127.0.0.1:${server.port}?ignoreTLS=true`)
    const away = { ok: false, final: false, cause: 'network', reason: 'ECONNREFUSED CONN' }
    expect(await mailer.send()).toEqual(away)
    expect(await mailer.verify()).toEqual(away)
    expect(logged).toMatchObject([stoppedBy('network', 'warn')])
  })
})
