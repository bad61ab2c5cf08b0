import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readMailSettings } from '@/e2e/support/mail-settings'
import { startRecordingMailServer } from '@/e2e/support/recording-mail-server'
import type { Script } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { startMailer, startScript } from '@/e2e/support/test-mailer'
import { mailHints, stopsEveryEmail, type MailCause } from '@/lib/mail/failure-hints'

async function sendThrough(script: Script, to = 'jane@people.example') {
  const { url } = await startScript(script)
  const mailer = startMailer({ smtpUrl: url })
  return { outcome: await mailer.send({ to }), logged: mailer.logged }
}

const stoppedBy = (cause: keyof typeof mailHints, level: 'warn' | 'error') => ({
  level: level === 'error' ? 50 : 40,
  event: 'mail_stopped',
  cause,
  hint: mailHints[cause],
})

describe('the name in EHLO', () => {
  test('the mailer sends the host of PUBLIC_URL in EHLO, before and after STARTTLS [V6]', async () => {
    const names: string[] = []
    const certificate = makeSelfSignedCertificate('localhost')
    const server = await startRecordingMailServer({
      ...certificate,
      disabledCommands: [],
      onMailFrom(_address, session, done) {
        names.push(session.hostNameAppearsAs)
        done()
      },
    })
    const folder = mkdtempSync(join(tmpdir(), 'rekey-greeting-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'ca.pem'), certificate.cert)
    const settings = readMailSettings({
      PUBLIC_URL: 'https://id.bücher.example',
      SMTP_URL: `smtp://localhost:${server.port}`,
      SMTP_CA_FILE: join(folder, 'ca.pem'),
    })
    expect(await startMailer(settings).send()).toMatchObject({ ok: true })
    expect(server.received()).toMatch(/^EHLO id\.xn--bcher-kva\.example\r\nSTARTTLS\r\n/)
    expect(names).toEqual(['id.xn--bcher-kva.example'])
  })

  test('a relay that closes connections from [127.0.0.1] with 421, as Gmail’s does, accepts the name [V6]', async () => {
    const EHLO = (line: string) =>
      line === 'EHLO [127.0.0.1]' ? '421 4.7.0 Try again later, closing connection. (EHLO)' : '250 ok'
    const { url } = await startScript({ EHLO })
    const unnamed = startMailer({ smtpUrl: url, heloName: '[127.0.0.1]' })
    expect(await unnamed.send()).toEqual({
      ok: false,
      final: false,
      alert: true,
      cause: 'greeting',
      reason: 'ECONNECTION 421 4.7.0 EHLO',
    })
    expect(unnamed.logged).toMatchObject([stoppedBy('greeting', 'error')])
    expect(mailHints.greeting).toContain('SMTP_HELO_NAME')
    expect(await startMailer({ smtpUrl: url, heloName: 'id.example.com' }).send()).toMatchObject({ ok: true })
  })
})

describe('errors that stop every email', () => {
  const cases: [what: string, script: Script, cause: keyof typeof mailHints, reason: string][] = [
    ['a banner of 554', { banner: '554 5.7.1 Go away' }, 'greeting', 'EPROTOCOL 554 5.7.1 CONN'],
    [
      'a reply of 421 to EHLO',
      { EHLO: '421 4.7.0 Try again later' },
      'greeting',
      'ECONNECTION 421 4.7.0 EHLO',
    ],
    [
      'a reply of 550 to EHLO and HELO',
      { EHLO: '550 5.7.1 Bad name', HELO: '550 5.7.1 Bad name' },
      'greeting',
      'EPROTOCOL 550 5.7.1 HELO',
    ],
    [
      'a reply of 504 to EHLO and HELO',
      { EHLO: '504 5.5.2 <rekey>: need a full name', HELO: '504 5.5.2 <rekey>: need a full name' },
      'greeting',
      'EPROTOCOL 504 5.5.2 HELO',
    ],
    [
      'a host name that Postfix rejects at RCPT',
      { RCPT: '504 5.5.2 <rekey>: Helo command rejected: need fully-qualified hostname' },
      'greeting',
      'EENVELOPE 504 5.5.2 RCPT TO',
    ],
    [
      'a host name without an address, which Postfix defers at RCPT',
      { RCPT: '450 4.7.1 <rekey.internal>: Helo command rejected: Host not found' },
      'greeting',
      'EENVELOPE 450 4.7.1 RCPT TO',
    ],
    [
      'a sender that Postfix rejects at RCPT',
      { RCPT: '553 5.7.1 <no-reply@example.com>: Sender address rejected: not owned by user x' },
      'sender',
      'EENVELOPE 553 5.7.1 RCPT TO',
    ],
    [
      'a reply of 550 to MAIL FROM',
      { MAIL: '550 5.7.1 Not allowed' },
      'sender',
      'EENVELOPE 550 5.7.1 MAIL FROM',
    ],
    [
      'a reply of 501 to MAIL FROM',
      { MAIL: '501 5.1.7 Bad sender' },
      'sender',
      'EENVELOPE 501 5.1.7 MAIL FROM',
    ],
    [
      'a sender that Exchange Online rejects after the message',
      { '.': '554 5.2.252 SendAsDenied; x@example.com not allowed to send as no-reply@example.com' },
      'sender',
      'EMESSAGE 554 5.2.252 DATA',
    ],
    [
      'a reply of 530 that requires STARTTLS',
      { MAIL: '530 5.7.0 Must issue a STARTTLS command first' },
      'tls',
      'EENVELOPE 530 5.7.0 MAIL FROM',
    ],
    [
      'a reply of 530 that requires a login',
      { MAIL: '530 5.7.0 Authentication Required' },
      'authentication',
      'EENVELOPE 530 5.7.0 MAIL FROM',
    ],
    [
      'denied relaying with 454, Postfix’s default,',
      { RCPT: '454 4.7.1 <jane@people.example>: Relay access denied' },
      'authentication',
      'EENVELOPE 454 4.7.1 RCPT TO',
    ],
    [
      'denied relaying with 553, as by qmail,',
      { RCPT: "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)" },
      'authentication',
      'EENVELOPE 553 RCPT TO',
    ],
  ]
  test.each(cases)('%s is an error in the log, with a hint [V6, F6]', async (_, script, cause, reason) => {
    const { outcome, logged } = await sendThrough(script)
    expect(outcome).toEqual({ ok: false, final: false, alert: true, cause, reason })
    expect(stopsEveryEmail(cause)).toBe(true)
    expect(logged).toMatchObject([{ ...stoppedBy(cause, 'error'), reason }])
  })

  test('an error that stops every email is logged once, and so is its end [V6, F6]', async () => {
    let banner = '554 No'
    const { url } = await startScript({ banner: () => banner })
    const mailer = startMailer({ smtpUrl: url })
    await mailer.send()
    await mailer.send()
    banner = '220 hello'
    expect(await mailer.send()).toMatchObject({ ok: true })
    banner = '554 No'
    await mailer.send() // on the open connection
    const events = mailer.logged
      .filter(({ event }) => event !== 'email_accepted')
      .map(({ event, cause }) => [event, cause])
    expect(events).toEqual([
      ['mail_stopped', 'greeting'],
      ['mail_resumed', undefined],
    ])
  })
})

describe('errors that pass or concern one email', () => {
  const cases: [what: string, script: Script, cause: MailCause, final: boolean][] = [
    ['a banner of 421 for too many connections', { banner: '421 4.7.0 Too many' }, 'server', false],
    ['a reply of 451 to MAIL FROM', { MAIL: '451 4.3.0 Later' }, 'server', false],
    ['a mailbox that does not exist', { RCPT: '550 5.1.1 No such user' }, 'recipient', true],
    ['a full mailbox', { RCPT: '452 4.2.2 Full' }, 'recipient', false],
    ['an email that looks like spam', { '.': '550 5.7.1 Looks like spam' }, 'message', true],
    [
      'a missing mailbox whose address contains "relay"',
      { RCPT: '550 5.1.1 <relay@people.example>: Recipient address rejected: User unknown' },
      'recipient',
      true,
    ],
    [
      'a missing mailbox whose address contains "relay", without an enhanced code,',
      { RCPT: '550 relay@people.example: no such user here' },
      'recipient',
      true,
    ],
    [
      'a missing mailbox in a relay recipient table',
      { RCPT: '550 5.1.1 User unknown in relay recipient table' },
      'recipient',
      true,
    ],
    [
      'relaying that the recipient’s own server denies',
      { RCPT: '550 host mx.people.example [192.0.2.1] said: 550 relay denied' },
      'recipient',
      true,
    ],
    [
      'a recipient’s server that names sender, relay and HELO in its reply',
      {
        RCPT: '550 5.7.1 <jane@people.example>: Recipient address rejected: undeliverable address: host mx.people.example[192.0.2.1] said: 550 Sender address rejected: relay denied, bad HELO (in reply to RCPT TO command)',
      },
      'recipient',
      true,
    ],
  ]
  test.each(cases)(
    '%s is not logged as an error that stops every email [V6]',
    async (_, script, cause, final) => {
      const { outcome, logged } = await sendThrough(script, 'relay@people.example')
      expect(outcome).toMatchObject({ ok: false, final, cause })
      expect(outcome).not.toHaveProperty('alert')
      expect(stopsEveryEmail(cause)).toBe(false)
      expect(logged).toEqual([])
    },
  )

  test('a server that refuses connections is a warning with a hint, when sending and when verifying [V6, F5]', async () => {
    const server = await startScript()
    server.close()
    const mailer = startMailer({ smtpUrl: server.url })
    const refused = { ok: false, final: false, cause: 'network', reason: 'ECONNREFUSED CONN' }
    expect(await mailer.send()).toEqual(refused)
    expect(await mailer.verify()).toEqual(refused)
    expect(mailer.logged).toMatchObject([stoppedBy('network', 'warn')])
  })
})
