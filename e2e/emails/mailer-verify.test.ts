import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { pino } from 'pino'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readMailSettings } from '@/e2e/support/mail-settings'
import { startScriptedMailServer, type Script } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { mailHints } from '@/lib/mail/failure-hints'
import { createMailer, type MailerOptions } from '@/lib/mail/mailer'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const logged: Record<string, unknown>[] = []
const log = pino({ level: 'trace' }, { write: (line) => void logged.push(JSON.parse(line)) })
beforeEach(() => void logged.splice(0))

function mailerFor(options: Partial<MailerOptions>) {
  const mailer = createMailer({ from: 'no-reply@example.com', log, ...options })
  cleanUps.push(() => mailer.close())
  return mailer
}

async function scripted(script: Script) {
  const server = await startScriptedMailServer(script)
  cleanUps.push(server.close)
  return { ...server, url: `smtp://127.0.0.1:${server.port}?ignoreTLS=true` }
}

async function serve(options: SMTPServerOptions) {
  const server = new SMTPServer({ disableReverseLookup: true, closeTimeout: 100, ...options })
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  cleanUps.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { port: (server.server.address() as AddressInfo).port, connections: server.server as Server }
}

function directory(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-verify-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  return folder
}

describe('trying the mail server without an email [V6]', () => {
  test('greets, takes its leave, names no sender and no recipient, and says that it is ready', async () => {
    const { url, heard, sockets } = await scripted({})
    expect(await mailerFor({ smtpUrl: url, heloName: 'id.example.com' }).verify()).toEqual({ ok: true })
    await Promise.all([...sockets].map((socket) => socket.destroyed || once(socket, 'close')))
    expect(heard).toEqual(['EHLO id.example.com', 'QUIT'])
    expect(logged.map(({ level, event }) => [level, event])).toEqual([[30, 'mail_ready']])
  })

  test('signs in, where the server asks for it', async () => {
    const { port } = await serve({
      authOptional: false,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ password }, _session, done) =>
        password === 'right'
          ? done(null, { user: 'mail' })
          : done(Object.assign(new Error('No'), { responseCode: 535 })),
    })
    const as = (password: string) =>
      mailerFor({ smtpUrl: `smtp://mail:${password}@localhost:${port}?ignoreTLS=true` }).verify()
    expect(await as('right')).toEqual({ ok: true })
    expect(await as('guess-c4n4ry')).toMatchObject({ ok: false, alert: true, cause: 'authentication' })
    expect(logged.at(-1)).toMatchObject({ level: 50, event: 'mail_stopped', hint: mailHints.authentication })
    expect(JSON.stringify(logged)).not.toMatch(/c4n4ry|localhost/)
  })

  test.each<[string, Script, string]>([
    ['refuses the connection', { banner: '554 5.7.1 No' }, 'greeting'],
    ['refuses the name', { EHLO: '421 4.7.0 Later' }, 'greeting'],
    ['does not speak SMTP', { banner: 'SSH-2.0-OpenSSH_9.2' }, 'network'],
  ])('tells of a server that %s', async (_, script, cause) => {
    const { url } = await scripted(script)
    expect(await mailerFor({ smtpUrl: url }).verify()).toMatchObject({ ok: false, final: false, cause })
    expect(logged).toMatchObject([{ event: 'mail_stopped', cause }])
  })

  test.each<[string, Script]>([
    ['before its greeting', { banner: null }],
    ['after EHLO', { EHLO: null }],
  ])('leaves a server that is silent %s at the deadline, and its connection with it', async (_, script) => {
    const { url, sockets } = await scripted(script)
    const start = performance.now()
    expect(await mailerFor({ smtpUrl: url }).verify(400)).toEqual({
      ok: false,
      final: false,
      cause: 'network',
      reason: 'deadline',
    })
    expect(performance.now() - start).toBeLessThan(30_000)
    await Promise.all([...sockets].map((socket) => socket.destroyed || once(socket, 'close')))
  })

  test('is no matter of a server that never answers QUIT', async () => {
    const { url, sockets } = await scripted({ QUIT: null })
    expect(await mailerFor({ smtpUrl: url }).verify()).toEqual({ ok: true })
    await Promise.all([...sockets].map((socket) => socket.destroyed || once(socket, 'close')))
  })

  test('looks at the mailbox of demo and dev, and leaves nothing in it', async () => {
    const mailboxDir = join(directory(), 'mail')
    expect(await mailerFor({ mailboxDir }).verify()).toEqual({ ok: true })
    expect(readdirSync(mailboxDir)).toEqual([])
    const nowhere = await mailerFor({ mailboxDir: '/dev/null/mail' }).verify()
    expect(nowhere).toEqual({ ok: false, final: false, alert: true, cause: 'own', reason: 'ENOTDIR' })
  })
})

describe('a certificate of a private authority [V6, M7]', () => {
  const own = makeSelfSignedCertificate('localhost')
  const other = makeSelfSignedCertificate('authority.example')
  const caFile = (pem: string) => {
    const path = join(directory(), 'ca.pem')
    writeFileSync(path, pem)
    return path
  }

  test.each(['smtp', 'smtps'])(
    'is accepted over %s where SMTP_CA_FILE names it, and else an error',
    async (scheme) => {
      const { port } = await serve({ ...own, authOptional: true, secure: scheme === 'smtps' })
      const SMTP_URL = `${scheme}://localhost:${port}`
      const verify = (env: Record<string, string>) =>
        mailerFor(readMailSettings({ SMTP_URL, ...env })).verify()
      expect(await verify({ SMTP_CA_FILE: caFile(other.cert + own.cert) })).toEqual({ ok: true })
      const refused = {
        ok: false,
        final: false,
        alert: true,
        cause: 'certificate',
        reason: 'DEPTH_ZERO_SELF_SIGNED_CERT CONN',
      }
      expect(await verify({})).toEqual(refused)
      expect(await verify({ SMTP_CA_FILE: caFile(other.cert) })).toEqual(refused)
      expect(logged.at(-1)).toMatchObject({ level: 50, hint: expect.stringContaining('SMTP_CA_FILE') })
    },
  )

  test('does not vouch for another host', async () => {
    const elsewhere = makeSelfSignedCertificate('mail.example.com')
    const { port } = await serve({ ...elsewhere, authOptional: true })
    const settings = readMailSettings({
      SMTP_URL: `smtp://localhost:${port}`,
      SMTP_CA_FILE: caFile(elsewhere.cert),
    })
    expect(await mailerFor(settings).verify()).toMatchObject({
      cause: 'certificate',
      reason: 'ERR_TLS_CERT_ALTNAME_INVALID CONN',
    })
  })

  test('is believed besides those that Node believes', async () => {
    const publicOne = makeSelfSignedCertificate('localhost')
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, publicOne.cert])
    cleanUps.push(() => setDefaultCACertificates(before))
    const { port } = await serve({ ...publicOne, authOptional: true })
    const SMTP_URL = `smtp://localhost:${port}`
    const settings = readMailSettings({ SMTP_URL, SMTP_CA_FILE: caFile(other.cert) })
    expect(await mailerFor(settings).verify()).toEqual({ ok: true })
  })

  test('a port that speaks the other way is told with a hint to the scheme', async () => {
    const clear = await scripted({})
    const wrong = await mailerFor({ smtpUrl: `smtps://127.0.0.1:${clear.port}` }).verify()
    expect(wrong).toMatchObject({ alert: true, cause: 'tls', reason: 'ERR_SSL_WRONG_VERSION_NUMBER CONN' })
    const { port } = await serve({ ...own, authOptional: true, secure: true })
    const silent = await mailerFor({ smtpUrl: `smtp://localhost:${port}` }).verify(500)
    expect(silent).toMatchObject({ cause: 'network' })
    for (const { hint } of logged) expect(hint).toMatch(/port 465 needs smtps:\/\//)
  })
})
