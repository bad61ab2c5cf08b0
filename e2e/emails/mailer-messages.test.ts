import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { replyError, startRecordingMailServer } from '@/e2e/support/recording-mail-server'
import { canary, content, startMailer, startScript } from '@/e2e/support/test-mailer'
import { classifyFailure } from '@/lib/mail/delivery-result'
import { createMailer } from '@/lib/mail/mailer'

const silent = pino({ enabled: false })

describe('messages and commands of the mailer', () => {
  test('an email has one sender, one recipient and only the expected headers [M2, M6, M8]', async () => {
    const { deliveries, commands, url } = await startRecordingMailServer()
    const id = randomUUID()
    const mailer = startMailer({ smtpUrl: url, replyTo: 'Help <help@example.com>' })
    expect(await mailer.send({ id, to: 'Jane.Doe@Bücher.example' })).toMatchObject({ ok: true })

    expect(deliveries).toHaveLength(1)
    expect(commands()).toEqual([
      expect.stringMatching(/^EHLO /),
      'MAIL FROM:<no-reply@mail.example.com>',
      'RCPT TO:<Jane.Doe@xn--bcher-kva.example>',
      'DATA',
    ])
    const raw = deliveries[0]!.raw.toString('latin1')
    const mail = await simpleParser(raw)
    expect(mail.headerLines.map(({ key }) => key).sort()).toEqual([
      'auto-submitted',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'reply-to',
      'subject',
      'to',
    ])
    expect(raw).toMatch(/^From: Example <no-reply@mail\.example\.com>\r$/m)
    expect(raw).toMatch(/^To: Jane\.Doe@xn--bcher-kva\.example\r$/m)
    expect(raw).toMatch(/^Reply-To: Help <help@example\.com>\r$/m)
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
    expect(mail.messageId).toBe(`<${id}@mail.example.com>`)
    expect(mail.subject).toBe(content.subject)
    expect(Math.abs(Date.now() - mail.date!.getTime())).toBeLessThan(60_000)
  })

  test('an email has plain text before HTML, both in UTF-8, with short lines and the whole link [M1, M3]', async () => {
    const { deliveries, url } = await startRecordingMailServer()
    await startMailer({ smtpUrl: url }).send()
    const raw = deliveries[0]!.raw.toString('latin1')

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

  test('two attempts of one job send the same Message-ID [M10]', async () => {
    const { deliveries, url } = await startRecordingMailServer()
    const mailer = startMailer({ smtpUrl: url })
    const id = randomUUID()
    await mailer.send({ id })
    await mailer.send({ id })
    const ids = await Promise.all(deliveries.map(async ({ raw }) => (await simpleParser(raw)).messageId))
    expect(ids).toEqual([`<${id}@mail.example.com>`, `<${id}@mail.example.com>`])
  })

  const breaks = ['\r\n', '\n', '\r', '\u0085', '\u2028', '\u2029', '\u0000', '\u000b']
  test.each(breaks.map((text) => [JSON.stringify(text), text]))(
    'the line break %s in a subject or a body adds no header and no command [C7]',
    async (_, text) => {
      const { deliveries, commands, url } = await startRecordingMailServer()
      const attack = `Hello${text}Bcc: eve@evil.example${text}${text}.${text}MAIL FROM:<eve@evil.example>`
      const outcome = await startMailer({ smtpUrl: url }).send({
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
  ])(
    'the mailer rejects the stored address %j and does not connect to the mail server [M6, C4, C5, C6, C7]',
    async (to) => {
      const { url, sockets } = await startScript()
      expect(await startMailer({ smtpUrl: url }).send({ to })).toEqual({
        ok: false,
        final: true,
        cause: 'recipient',
        reason: 'address-refused',
      })
      expect(sockets.size).toBe(0)
    },
  )

  test.each([
    'no-reply@example.com\r\nBcc: eve@evil.example',
    'Example\nBcc: eve@evil.example <no-reply@example.com>',
    'no-reply@example.com,eve@evil.example',
    '-oX@example.com',
    '"eve@evil.example"@example.com',
    'nobody',
  ])('a mailer does not start with the sender or the Reply-To address %j [C7]', (address) => {
    const smtpUrl = 'smtp://localhost'
    expect(() => createMailer({ smtpUrl, from: address, log: silent })).toThrow('VERIFICATION_FROM_EMAIL')
    const asReplyTo = { smtpUrl, from: 'a@example.com', replyTo: address, log: silent }
    expect(() => createMailer(asReplyTo)).toThrow('VERIFICATION_REPLY_TO_EMAIL')
  })

  test('a sender name that looks like several addresses stays one sender [M8]', async () => {
    const { deliveries, url } = await startRecordingMailServer()
    const from = 'Example, eve: Inc.; and all <no-reply@mail.example.com>'
    expect(await startMailer({ smtpUrl: url, from }).send()).toMatchObject({ ok: true })
    const mail = await simpleParser(deliveries[0]!.raw)
    expect(mail.from?.value).toEqual([
      { name: 'Example, eve: Inc.; and all', address: 'no-reply@mail.example.com' },
    ])
  })

  test('a body that names a file or a URL is not sent, and nothing is read from there [M8]', async () => {
    const { deliveries, url } = await startRecordingMailServer()
    const elsewhere = await startScript()
    const mailer = startMailer({ smtpUrl: url })
    for (const source of [{ path: '/etc/passwd' }, { href: `http://127.0.0.1:${elsewhere.port}/` }]) {
      const text = source as unknown as string
      const outcome = await mailer.send({ content: { ...content, text }, deadlineMs: 3_000 })
      expect(outcome).toMatchObject({ ok: false, final: false, alert: true })
    }
    expect([deliveries, elsewhere.sockets.size]).toEqual([[], 0])
  })
})

describe('the mailbox of demo and dev', () => {
  test('the mailbox stores the same message that would be sent, and only its owner can read it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'rekey-mailer-'))
    onTestFinished(() => rm(parent, { recursive: true }))
    const mailboxDir = join(parent, 'mailbox')
    const { deliveries, url } = await startRecordingMailServer()
    const id = randomUUID()
    await startMailer({ smtpUrl: url }).send({ id })
    const mailer = startMailer({ mailboxDir })
    expect(await mailer.send({ id })).toMatchObject({ ok: true })
    expect(await mailer.send({ id })).toMatchObject({ ok: true })

    expect(await readdir(mailboxDir)).toEqual([`${id}.eml`])
    expect((await stat(join(mailboxDir, `${id}.eml`))).mode & 0o777).toBe(0o600)
    const stored = await readFile(join(mailboxDir, `${id}.eml`), 'latin1')
    const comparable = (raw: string) =>
      raw.replace(/^Date: .*$/m, '').replace(/--_NmP-[0-9a-f]+/g, 'boundary')
    expect(comparable(stored)).toBe(comparable(deliveries[0]!.raw.toString('latin1')))
  })

  test('a mailbox that cannot be written is a fault of the installation', async () => {
    const outcome = await startMailer({ mailboxDir: '/dev/null/mailbox' }).send()
    expect(outcome).toEqual({ ok: false, final: false, alert: true, cause: 'own', reason: 'ENOTDIR' })
  })

  test('the mailbox rejects an id that is no job id before it uses the id in a file name', async () => {
    const mailer = startMailer({ mailboxDir: tmpdir() })
    for (const id of ['../x', 'a/b', '', '.', 'a\r\nb', 'a'.repeat(65)])
      await expect(mailer.send({ id })).rejects.toThrow('id of its job')
  })
})

describe('privacy of results and log', () => {
  test('neither the result nor the log contains a part of the email or of the server’s reply [M8, L3]', async () => {
    const { url } = await startRecordingMailServer({
      onRcptTo: (_address, _session, done) =>
        done(replyError(550, `5.1.1 <jane@example.com> said ${canary}`)),
    })
    const mailer = startMailer({ smtpUrl: url })
    const outcome = await mailer.send()
    expect(JSON.stringify([outcome, mailer.logged])).not.toMatch(/jane|c4n4ry/)
  })

  test.each([
    undefined,
    null,
    'text',
    new Error(`${canary} jane@example.com`),
    { code: `${canary} jane@example.com` },
  ])('an unknown error (%#) raises an alert, and the result does not contain its text [L3]', (error) => {
    const outcome = classifyFailure(error)
    expect(outcome).toMatchObject({ ok: false, final: false, alert: true })
    expect(outcome.reason).not.toMatch(/jane/)
  })
})
