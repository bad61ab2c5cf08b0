import { once } from 'node:events'
import { simpleParser } from 'mailparser'
import { describe, expect, test } from 'vitest'
import { startRecordingMailServer } from '@/e2e/support/recording-mail-server'
import type { Script } from '@/e2e/support/scripted-mail-server'
import { startMailer, startScript } from '@/e2e/support/test-mailer'

const content = { subject: 'Grüße', html: '<p>Grüße</p>', text: `Grüße\n.\n${'x'.repeat(2000)}\n` }
const unsupported = { ok: false, final: true, cause: 'recipient', reason: 'smtputf8-unsupported' }

function senderTo(smtpUrl: string) {
  const mailer = startMailer({ smtpUrl })
  return (to: string, times: { deadlineMs?: number; replyMs?: number } = {}) =>
    mailer.send({ to, content, deadlineMs: 5_000, ...times })
}

describe('an address with a local part outside ASCII', () => {
  test.each([
    ['josé@people.example', 'josé@people.example', 'josé@people.example'],
    ['José@PEOPLE.example', 'José@people.example', 'José@people.example'],
    ['用户@straße.example', '用户@xn--strae-oqa.example', '用户@straße.example'],
    ['пётр@ПОЧТА.example', 'пётр@xn--80a1acny.example', 'пётр@почта.example'],
  ])('an email to %s is sent with SMTPUTF8 to %s [M11]', async (stored, recipient, header) => {
    const { url, deliveries, received } = await startRecordingMailServer()
    expect(await senderTo(url)(stored)).toMatchObject({ ok: true })
    const commands = received().split('\r\n')
    expect(commands.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
      expect.stringMatching(/^MAIL FROM:<no-reply@mail\.example\.com> SMTPUTF8\b/),
      `RCPT TO:<${recipient}>`,
    ])
    const { raw } = deliveries[0]!
    expect(
      raw
        .toString('utf8')
        .match(/^To: .*$/m)?.[0]
        .trimEnd(),
    ).toBe(`To: ${header}`)
    const mail = await simpleParser(raw)
    expect([mail.subject, mail.text?.trimEnd()]).toEqual([content.subject, content.text.trimEnd()])
    // The rest of the message is ASCII.
    expect(raw.toString('utf8').replace(/^To: .*$/m, '')).not.toMatch(/[^\x00-\x7f]/)
  })

  test('an email to such an address fails at once on a server without SMTPUTF8, which gets nothing of it [M11]', async () => {
    const { url, deliveries, received } = await startRecordingMailServer({ hideSMTPUTF8: true })
    expect(await senderTo(url)('josé@people.example')).toEqual(unsupported)
    expect(received()).not.toMatch(/MAIL|RCPT|jos/)
    expect(deliveries).toEqual([])
  })

  test('each connection counts only the SMTPUTF8 support that its own server offers [M11]', async () => {
    let offer = '250-mail.example\r\n250 SMTPUTF8'
    const { url } = await startScript({ EHLO: () => offer })
    const send = senderTo(url)
    expect(await send('josé@people.example')).toMatchObject({ ok: true })
    offer = '250-mail.example\r\n250-SIZE 1000000\r\n250 X-SMTPUTF8-LATER'
    expect(await send('josé@people.example')).toEqual(unsupported)
    expect(await send('jose@people.example')).toMatchObject({ ok: true })
  })

  test.each<[string, Script]>([
    ['the sender', { MAIL: '550 5.6.7 Not in this mailbox' }],
    ['the recipient', { RCPT: '553 5.6.7 Address not permitted' }],
    ['the whole message', { '.': '554 5.6.9 UTF-8 header message cannot be transferred' }],
  ])('an email fails for good when the server rejects the address at %s [M11]', async (_, script) => {
    const { url } = await startScript({ EHLO: '250-mail.example\r\n250 SMTPUTF8', ...script })
    expect(await senderTo(url)('josé@people.example')).toEqual(unsupported)
  })

  test('an email is tried again when the server is down, defers it or does not reply [M11]', async () => {
    const EHLO = '250-mail.example\r\n250 SMTPUTF8'
    const outcomeOf = async (script: Script, times = {}) => {
      const { url, sockets } = await startScript({ EHLO, ...script })
      return { outcome: await senderTo(url)('josé@people.example', times), sockets: [...sockets] }
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

  test('an email with SMTPUTF8 has a connection of its own, and other emails share one [M11]', async () => {
    const { url, deliveries, connections } = await startRecordingMailServer()
    const send = senderTo(url)
    for (const to of ['jane@people.example', 'josé@people.example', 'zoe@people.example'])
      expect(await send(to)).toMatchObject({ ok: true })
    expect([deliveries.length, connections()]).toEqual([3, 2])
  })
})
