import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { simpleParser } from 'mailparser'
import { pino } from 'pino'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterEach, describe, expect, test } from 'vitest'
import { startScriptedMailServer, type Script } from '@/e2e/support/scripted-mail-server'
import { createMailer } from '@/lib/mail/mailer'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const email = { subject: 'Grüße', html: '<p>Grüße</p>', text: `Grüße\n.\n${'x'.repeat(2000)}\n` }
const unsupported = { ok: false, final: true, cause: 'recipient', reason: 'smtputf8-unsupported' }

function mailerFor(smtpUrl: string) {
  const mailer = createMailer({ smtpUrl, from: 'no-reply@example.com', log: pino({ enabled: false }) })
  cleanUps.push(() => mailer.close())
  return (to: string, times: { deadlineMs?: number; replyMs?: number } = {}) =>
    mailer.send({ id: randomUUID(), to, content: email, deadlineMs: 5_000, ...times })
}

/** A mail server as there are many, which keeps the bytes that came. */
async function receiveMail(options: SMTPServerOptions = {}) {
  const messages: Buffer[] = []
  const heard: Buffer[] = []
  let connections = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, _session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        messages.push(Buffer.concat(chunks))
        done()
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  server.server.on('connection', (socket: Socket) => {
    connections += 1
    socket.on('data', (chunk) => heard.push(Buffer.from(chunk)))
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  cleanUps.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return {
    url: `smtp://localhost:${(server.server.address() as AddressInfo).port}?ignoreTLS=true`,
    messages,
    said: () => Buffer.concat(heard).toString('utf8'),
    connections: () => connections,
  }
}

describe('an address whose local part is not ASCII [M11]', () => {
  test.each([
    ['josé@people.example', 'josé@people.example', 'josé@people.example'],
    ['José@PEOPLE.example', 'José@people.example', 'José@people.example'],
    ['用户@straße.example', '用户@xn--strae-oqa.example', '用户@straße.example'],
    ['пётр@ПОЧТА.example', 'пётр@xn--80a1acny.example', 'пётр@почта.example'],
  ])('gets its letter with SMTPUTF8: %s goes to %s', async (stored, recipient, header) => {
    const { url, messages, said } = await receiveMail()
    expect(await mailerFor(url)(stored)).toMatchObject({ ok: true })
    const commands = said().split('\r\n')
    expect(commands.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
      expect.stringMatching(/^MAIL FROM:<no-reply@example\.com> SMTPUTF8\b/),
      `RCPT TO:<${recipient}>`,
    ])
    const [raw] = messages
    expect(
      raw!
        .toString('utf8')
        .match(/^To: .*$/m)?.[0]
        .trimEnd(),
    ).toBe(`To: ${header}`)
    const mail = await simpleParser(raw!)
    expect([mail.subject, mail.text?.trimEnd()]).toEqual([email.subject, email.text.trimEnd()])
    // The rest of the message is what any mail server takes.
    expect(raw!.toString('utf8').replace(/^To: .*$/m, '')).not.toMatch(/[^\x00-\x7f]/)
  })

  test('fails at once where the mail server does not offer SMTPUTF8, and nothing of the email is said', async () => {
    const { url, messages, said } = await receiveMail({ hideSMTPUTF8: true })
    expect(await mailerFor(url)('josé@people.example')).toEqual(unsupported)
    expect(said()).not.toMatch(/MAIL|RCPT|jos/)
    expect(messages).toEqual([])
  })

  test('has its say per connection: what an earlier server of the same name offered does not count', async () => {
    let offer = '250-mail.example\r\n250 SMTPUTF8'
    const server = await startScriptedMailServer({ EHLO: () => offer })
    cleanUps.push(server.close)
    const send = mailerFor(`smtp://127.0.0.1:${server.port}?ignoreTLS=true`)
    expect(await send('josé@people.example')).toMatchObject({ ok: true })
    offer = '250-mail.example\r\n250-SIZE 1000000\r\n250 X-SMTPUTF8-LATER'
    expect(await send('josé@people.example')).toEqual(unsupported)
    expect(await send('jose@people.example')).toMatchObject({ ok: true })
  })

  test.each<[string, Script]>([
    ['the sender', { MAIL: '550 5.6.7 Not in this mailbox' }],
    ['the recipient', { RCPT: '553 5.6.7 Address not permitted' }],
    ['the header, at the end', { '.': '554 5.6.9 UTF-8 header message cannot be transferred' }],
  ])('is final too where the server takes it back at %s', async (_, script) => {
    const server = await startScriptedMailServer({ EHLO: '250-mail.example\r\n250 SMTPUTF8', ...script })
    cleanUps.push(server.close)
    const send = mailerFor(`smtp://127.0.0.1:${server.port}?ignoreTLS=true`)
    expect(await send('josé@people.example')).toEqual(unsupported)
  })

  test('is tried again where the server is away, refuses for now or falls silent, as any other', async () => {
    const EHLO = '250-mail.example\r\n250 SMTPUTF8'
    const outcomeOf = async (script: Script, times = {}) => {
      const server = await startScriptedMailServer({ EHLO, ...script })
      cleanUps.push(server.close)
      const outcome = await mailerFor(`smtp://127.0.0.1:${server.port}?ignoreTLS=true`)(
        'josé@people.example',
        times,
      )
      return { outcome, sockets: [...server.sockets] }
    }
    const later = { ok: false, final: false }
    expect((await outcomeOf({ RCPT: '451 4.7.1 Later' })).outcome).toMatchObject({
      ...later,
      cause: 'recipient',
    })
    expect((await outcomeOf({ banner: '554 No' })).outcome).toMatchObject({ ...later, cause: 'greeting' })
    expect((await outcomeOf({ RCPT: null }, { deadlineMs: 400 })).outcome).toEqual({
      ...later,
      cause: 'server',
      reason: 'deadline',
    })
    const silent = await outcomeOf({ '.': null }, { deadlineMs: 2_000, replyMs: 400 })
    expect(silent.outcome).toEqual({
      ...later,
      maybeDelivered: true,
      cause: 'server',
      reason: 'mail-unanswered',
    })
    await Promise.all(silent.sockets.map((socket) => socket.destroyed || once(socket, 'close')))
  })

  test('takes a connection of its own, which ends with it; others share theirs', async () => {
    const { url, messages, connections } = await receiveMail()
    const send = mailerFor(url)
    for (const to of ['jane@people.example', 'josé@people.example', 'zoe@people.example'])
      expect(await send(to)).toMatchObject({ ok: true })
    expect([messages.length, connections()]).toEqual([3, 2])
  })
})
