import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { startRecordingMailServer } from '@/e2e/support/recording-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { startMailer } from '@/e2e/support/test-mailer'
import { smtpOptions } from '@/lib/mail/smtp-options'

const trusted = makeSelfSignedCertificate('localhost')
const untrusted = makeSelfSignedCertificate('localhost')
const ofAnotherHost = makeSelfSignedCertificate('mail.example.com')
beforeAll(() => setDefaultCACertificates([...getCACertificates(), trusted.cert, ofAnotherHost.cert]))

const sendTo = (smtpUrl: string) => startMailer({ smtpUrl }).send()

describe('TLS to the mail server', () => {
  test('an email is sent after STARTTLS with smtp:// and over TLS from the start with smtps:// [M7]', async () => {
    const startTls = await startRecordingMailServer({ ...trusted, disabledCommands: [] })
    expect(await sendTo(`smtp://localhost:${startTls.port}`)).toMatchObject({ ok: true })
    expect(startTls.deliveries.map(({ secure }) => secure)).toEqual([true])
    const implicit = await startRecordingMailServer({ ...trusted, secure: true })
    expect(await sendTo(`smtps://localhost:${implicit.port}`)).toMatchObject({ ok: true })
    expect(implicit.deliveries.map(({ secure }) => secure)).toEqual([true])
  })

  test('the mailer waits for the last reply of a TLS server beyond the deadline of the steps before [M9]', async () => {
    const { port } = await startRecordingMailServer({
      ...trusted,
      disabledCommands: [],
      onData: (stream, _, done) => stream.resume().on('end', () => setTimeout(done, 2_000)),
    })
    const mailer = startMailer({ smtpUrl: `smtp://localhost:${port}` })
    expect(await mailer.send({ deadlineMs: 1000, replyMs: 10_000 })).toMatchObject({ ok: true })
  })

  test('a server without STARTTLS gets no email and no password [M7, F6]', async () => {
    const passwords: string[] = []
    const { deliveries, port } = await startRecordingMailServer({
      allowInsecureAuth: true,
      onAuth: ({ password }, _, done) => {
        passwords.push(String(password))
        done(null, { user: 'x' })
      },
    })
    expect(await sendTo(`smtp://user:secret@localhost:${port}`)).toMatchObject({
      ok: false,
      final: false,
      alert: true,
      reason: expect.stringMatching(/^ETLS\b/),
    })
    expect([deliveries, passwords]).toEqual([[], []])
  })

  test.each([
    ['an untrusted certificate', 'smtp', untrusted],
    ['an untrusted certificate', 'smtps', untrusted],
    ['a certificate of another host', 'smtp', ofAnotherHost],
    ['a certificate of another host', 'smtps', ofAnotherHost],
  ])(
    'a server with %s gets no email over %s:// and raises an alert [M7, F6]',
    async (_, scheme, certificate) => {
      const { deliveries, port } = await startRecordingMailServer({
        ...certificate,
        secure: scheme === 'smtps',
        disabledCommands: [],
      })
      const outcome = await sendTo(`${scheme}://localhost:${port}`)
      expect(outcome).toMatchObject({ ok: false, final: false, alert: true, cause: 'certificate' })
      expect(deliveries).toEqual([])
    },
  )

  test('SMTP_URL sets host, port, login and ignoreTLS, and no other option of the connection [M7, M8]', () => {
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
  ])('with SMTP_URL %s, the log warns of a connection without TLS to the hosts %j [M7]', (smtpUrl, hosts) => {
    expect(startMailer({ smtpUrl }).logged).toMatchObject(
      hosts.map((host) => ({ level: 40, event: 'mail_without_tls', host })),
    )
  })
})
