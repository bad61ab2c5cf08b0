import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readMailSettings } from '@/e2e/support/mail-settings'
import { replyError, startRecordingMailServer } from '@/e2e/support/recording-mail-server'
import type { Script } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { startMailer, startScript } from '@/e2e/support/test-mailer'
import { mailHints } from '@/lib/mail/failure-hints'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-verify-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

describe('a check of the mail server without an email', () => {
  test('the check sends EHLO and QUIT and nothing else, and logs that the mail server is ready [V6]', async () => {
    const { url, heard, sockets } = await startScript()
    const mailer = startMailer({ smtpUrl: url, heloName: 'id.example.com' })
    expect(await mailer.verify()).toEqual({ ok: true })
    await Promise.all([...sockets].map((socket) => socket.destroyed || once(socket, 'close')))
    expect(heard).toEqual(['EHLO id.example.com', 'QUIT'])
    expect(mailer.logged.map(({ level, event }) => [level, event])).toEqual([[30, 'mail_ready']])
  })

  test('the check logs in to a server that requires it, and the log contains no password [V6]', async () => {
    const { port } = await startRecordingMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, done) =>
        password === 'right' ? done(null, { user: 'mail' }) : done(replyError(535, 'No')),
    })
    const as = (password: string) =>
      startMailer({ smtpUrl: `smtp://mail:${password}@localhost:${port}?ignoreTLS=true` })
    expect(await as('right').verify()).toEqual({ ok: true })
    const wrong = as('guess-c4n4ry')
    expect(await wrong.verify()).toMatchObject({ ok: false, alert: true, cause: 'authentication' })
    expect(wrong.logged).toMatchObject([{ level: 50, event: 'mail_stopped', hint: mailHints.authentication }])
    expect(JSON.stringify(wrong.logged)).not.toMatch(/c4n4ry|localhost/)
  })

  test.each<[string, Script, string]>([
    ['rejects the connection', { banner: '554 5.7.1 No' }, 'greeting'],
    ['rejects the name in EHLO', { EHLO: '421 4.7.0 Later' }, 'greeting'],
    ['does not speak SMTP', { banner: 'SSH-2.0-OpenSSH_9.2' }, 'network'],
  ])('the check reports and logs a server that %s [V6]', async (_, script, cause) => {
    const { url } = await startScript(script)
    const mailer = startMailer({ smtpUrl: url })
    expect(await mailer.verify()).toMatchObject({ ok: false, final: false, cause })
    expect(mailer.logged).toMatchObject([{ event: 'mail_stopped', cause }])
  })

  test.each<[string, Script]>([
    ['before its greeting', { banner: null }],
    ['after EHLO', { EHLO: null }],
  ])(
    'the check ends, with its connection, at its deadline when the server sends nothing %s [V6]',
    async (_, script) => {
      const { url, sockets } = await startScript(script)
      const start = performance.now()
      expect(await startMailer({ smtpUrl: url }).verify(400)).toEqual({
        ok: false,
        final: false,
        cause: 'network',
        reason: 'deadline',
      })
      expect(performance.now() - start).toBeLessThan(30_000)
      await Promise.all([...sockets].map((socket) => socket.destroyed || once(socket, 'close')))
    },
  )

  test('the check succeeds and closes its connection when the server does not reply to QUIT [V6]', async () => {
    const { url, sockets } = await startScript({ QUIT: null })
    expect(await startMailer({ smtpUrl: url }).verify()).toEqual({ ok: true })
    await Promise.all([...sockets].map((socket) => socket.destroyed || once(socket, 'close')))
  })

  test('the check of the mailbox of demo and dev leaves no file in it, and reports one that cannot be written [V6]', async () => {
    const mailboxDir = join(makeFolder(), 'mail')
    expect(await startMailer({ mailboxDir }).verify()).toEqual({ ok: true })
    expect(readdirSync(mailboxDir)).toEqual([])
    const nowhere = await startMailer({ mailboxDir: '/dev/null/mail' }).verify()
    expect(nowhere).toEqual({ ok: false, final: false, alert: true, cause: 'own', reason: 'ENOTDIR' })
  })
})

describe('a certificate of a private authority', () => {
  const own = makeSelfSignedCertificate('localhost')
  const other = makeSelfSignedCertificate('authority.example')
  const caFile = (pem: string) => {
    const path = join(makeFolder(), 'ca.pem')
    writeFileSync(path, pem)
    return path
  }

  test.each(['smtp', 'smtps'])(
    'a private certificate is accepted over %s only if SMTP_CA_FILE contains it [V6, M7]',
    async (scheme) => {
      const { port } = await startRecordingMailServer({
        ...own,
        disabledCommands: [],
        secure: scheme === 'smtps',
      })
      const SMTP_URL = `${scheme}://localhost:${port}`
      const withFile = (pem: string) => startMailer(readMailSettings({ SMTP_URL, SMTP_CA_FILE: caFile(pem) }))
      expect(await withFile(other.cert + own.cert).verify()).toEqual({ ok: true })
      const rejected = {
        ok: false,
        final: false,
        alert: true,
        cause: 'certificate',
        reason: 'DEPTH_ZERO_SELF_SIGNED_CERT CONN',
      }
      for (const mailer of [startMailer(readMailSettings({ SMTP_URL })), withFile(other.cert)]) {
        expect(await mailer.verify()).toEqual(rejected)
        expect(mailer.logged).toMatchObject([{ level: 50, hint: expect.stringContaining('SMTP_CA_FILE') }])
      }
    },
  )

  test('a private certificate of another host is rejected even if SMTP_CA_FILE contains it [V6, M7]', async () => {
    const elsewhere = makeSelfSignedCertificate('mail.example.com')
    const { port } = await startRecordingMailServer({ ...elsewhere, disabledCommands: [] })
    const settings = readMailSettings({
      SMTP_URL: `smtp://localhost:${port}`,
      SMTP_CA_FILE: caFile(elsewhere.cert),
    })
    expect(await startMailer(settings).verify()).toMatchObject({
      cause: 'certificate',
      reason: 'ERR_TLS_CERT_ALTNAME_INVALID CONN',
    })
  })

  test('SMTP_CA_FILE adds to the certificates that Node trusts [V6, M7]', async () => {
    const trustedByNode = makeSelfSignedCertificate('localhost')
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, trustedByNode.cert])
    onTestFinished(() => setDefaultCACertificates(before))
    const { port } = await startRecordingMailServer({ ...trustedByNode, disabledCommands: [] })
    const SMTP_URL = `smtp://localhost:${port}`
    const settings = readMailSettings({ SMTP_URL, SMTP_CA_FILE: caFile(other.cert) })
    expect(await startMailer(settings).verify()).toEqual({ ok: true })
  })

  test('with the wrong scheme in SMTP_URL for a port, the log has a hint to the right one [V6]', async () => {
    const withoutTls = await startScript()
    const overTls = startMailer({ smtpUrl: `smtps://127.0.0.1:${withoutTls.port}` })
    expect(await overTls.verify()).toMatchObject({
      alert: true,
      cause: 'tls',
      reason: 'ERR_SSL_WRONG_VERSION_NUMBER CONN',
    })
    const { port } = await startRecordingMailServer({ ...own, disabledCommands: [], secure: true })
    const inPlainText = startMailer({ smtpUrl: `smtp://localhost:${port}` })
    expect(await inPlainText.verify(500)).toMatchObject({ cause: 'network' })
    for (const { hint } of [...overTls.logged, ...inPlainText.logged])
      expect(hint).toMatch(/port 465 needs smtps:\/\//)
  })
})
