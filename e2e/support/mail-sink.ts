import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { simpleParser, type ParsedMail } from 'mailparser'
import { SMTPServer } from 'smtp-server'

export type CaughtEmail = {
  /** The client's name in EHLO. */
  heloName: string
  /** When its sender was named, by `performance.now()`. */
  startedAt: number
  /** When it was complete, by `performance.now()`. */
  at: number
  from: string
  recipients: string[]
  raw: Buffer
  mail: ParsedMail
  link: string | undefined
  /** The link of "this wasn't me". */
  cancelLink: string | undefined
}

export type MailSink = {
  url: string
  emails: CaughtEmail[]
  /** The reply to RCPT instead of 250, until set back to undefined. */
  refuse: { code: number; text: string } | undefined
  /** Accepts emails without a reply. */
  mute: boolean
  /** Milliseconds between a recipient or an email and the reply. */
  answerAfterMs: number
  /** Called before the reply to a recipient and to a complete email, with the client's name in EHLO. */
  heard: ((moment: 'recipient' | 'whole', heloName: string) => void) | undefined
  /** The next email to an address that this function has not returned yet. Throws after the wait. */
  next(to: string, waitMs?: number): Promise<CaughtEmail>
  countTo(to: string): number
  close(): Promise<void>
}

/**
 * @param options.offersSmtpUtf8 whether the server accepts addresses outside ASCII (RFC 6531)
 * @param options.certificate of `localhost`: with it, STARTTLS is required
 */
export async function startMailSink({
  offersSmtpUtf8 = true,
  certificate,
}: { offersSmtpUtf8?: boolean; certificate?: { key: string; cert: string } } = {}): Promise<MailSink> {
  const taken = new Set<CaughtEmail>()
  const waiting = new Set<() => void>()
  const startedAt = new Map<string, number>()
  const server = new SMTPServer({
    authOptional: true,
    hideSMTPUTF8: !offersSmtpUtf8,
    ...certificate,
    disabledCommands: certificate ? ['AUTH'] : ['STARTTLS', 'AUTH'],
    onMailFrom(_address, session, callback) {
      startedAt.set(session.id, performance.now())
      callback()
    },
    onRcptTo(_address, session, callback) {
      const answer = () => {
        sink.heard?.('recipient', session.hostNameAppearsAs)
        if (sink.refuse === undefined) return callback()
        const error = new Error(sink.refuse.text) as Error & { responseCode: number }
        error.responseCode = sink.refuse.code
        callback(error)
      }
      if (sink.answerAfterMs > 0) setTimeout(answer, sink.answerAfterMs)
      else answer()
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        void keep(Buffer.concat(chunks)).then(() => {
          sink.heard?.('whole', session.hostNameAppearsAs)
          if (!sink.mute) setTimeout(callback, sink.answerAfterMs)
        })
      })
      const keep = async (raw: Buffer) => {
        const at = performance.now()
        const mail = await simpleParser(raw)
        const { mailFrom, rcptTo } = session.envelope
        const links = (mail.text ?? '').match(/https?:\/\/\S+[?&]signature=[\w-]+/g) ?? []
        const cancelLink = links.find((text) => new URL(text).pathname.endsWith('/cancel-reset/'))
        const link = links.find((text) => text !== cancelLink)
        sink.emails.push({
          heloName: session.hostNameAppearsAs,
          startedAt: startedAt.get(session.id)!,
          at,
          from: mailFrom ? mailFrom.address : '',
          recipients: rcptTo.map(({ address }) => address),
          raw,
          mail,
          link,
          cancelLink,
        })
        for (const wake of waiting) wake()
      }
    },
  })
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo

  const isTo = (to: string) => (email: CaughtEmail) => email.recipients.includes(to)
  const sink: MailSink = {
    url: certificate ? `smtp://localhost:${port}` : `smtp://127.0.0.1:${port}?ignoreTLS=true`,
    emails: [],
    refuse: undefined,
    mute: false,
    answerAfterMs: 0,
    heard: undefined,
    async next(to, waitMs = 20_000) {
      const deadline = Date.now() + waitMs
      for (;;) {
        const email = sink.emails.find((candidate) => isTo(to)(candidate) && !taken.has(candidate))
        if (email !== undefined) {
          taken.add(email)
          return email
        }
        const left = deadline - Date.now()
        if (left <= 0) throw new Error(`No email to ${to} within ${waitMs} ms.`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left)
          const wake = () => {
            clearTimeout(timer)
            waiting.delete(wake)
            resolve()
          }
          waiting.add(wake)
        })
      }
    },
    countTo: (to) => sink.emails.filter(isTo(to)).length,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
  return sink
}
