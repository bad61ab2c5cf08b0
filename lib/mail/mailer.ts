import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import nodemailer from 'nodemailer'
import { needsSmtpUtf8, readMailbox, wireAddress } from '@/lib/addresses/email-address'
import type { EmailText } from './email-types'
import type { Log } from '@/lib/logging/log'
import { classifyFailure, type SendOutcome } from './delivery-result'
import { watchForTrouble } from './trouble-log'
import { isLoopback } from '@/lib/addresses/loopback'
import { aMinute, smtpOptions, tenMinutes } from './smtp-options'
import { sendAsUtf8, trySession } from './smtp-session'

export type OutgoingEmail = {
  /** The job's id: retries of one job are one message to its recipient (RFC 5322 §3.6.4). */
  id: string
  /** The stored address; it is not trusted to be one. */
  to: string
  content: EmailText
  /**
   * Milliseconds until the attempt is broken off, whatever the mail server is doing, unless the whole email was handed
   * over by then; a minute unless told.
   */
  deadlineMs?: number
  /** Milliseconds for the mail server's answer to a whole email; ten minutes unless told (RFC 5321 §4.5.3.2.6). */
  replyMs?: number
}

export type Mailer = ReturnType<typeof createMailer>

export type MailerOptions = {
  /** Where emails go: a mail server… */
  smtpUrl?: string | undefined
  /** …or, in demo and dev, a directory. */
  mailboxDir?: string | undefined
  /** What EHLO says; see {@link smtpOptions}. */
  heloName?: string | undefined
  /** Certificates of private authorities that may vouch for the mail server, PEM. */
  authorities?: string[] | undefined
  from: string
  replyTo?: string | undefined
  log: Log
}

/**
 * Sends emails by SMTP, or catches them in a directory; the message is the same either way.
 *
 * @throws Error when the sender's address is none, or when it is not told where emails go
 */
export function createMailer(options: MailerOptions) {
  const { smtpUrl, mailboxDir, from, replyTo, log } = options
  const sender = requireMailbox('VERIFICATION_FROM_EMAIL', from)
  const replyAddress =
    replyTo === undefined ? undefined : requireMailbox('VERIFICATION_REPLY_TO_EMAIL', replyTo)
  const domain = sender.address.slice(sender.address.indexOf('@') + 1)
  const transport =
    smtpUrl === undefined ? createFileTransport(mailboxDir) : createSmtpTransport(smtpUrl, options)
  const noteTrouble = watchForTrouble(log)

  /**
   * One attempt to send an email to one address. Never throws for what a mail server, a network or a stored address
   * does; the outcome says it.
   */
  async function send({
    id,
    to,
    content,
    deadlineMs = aMinute,
    replyMs = tenMinutes,
  }: OutgoingEmail): Promise<SendOutcome> {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Error('An email needs the id of its job.')
    const address = wireAddress(to)
    if (address === null) return { ok: false, final: true, cause: 'recipient', reason: 'address-refused' }
    const deadline = createDeadline(deadlineMs, replyMs)
    try {
      const message: Message = { ...messageTo(address, id, content), signal: deadline.signal }
      await transport.over(id, message, deadline.handedOver)
      return report({ ok: true })
    } catch (error) {
      return report(classifyFailure(error, deadline.isHandedOver()))
    }
  }

  /**
   * Tries whether an email could be sent now, without sending one: connects, greets, encrypts and signs in, or looks
   * whether the mailbox of demo and dev can be written. Logs `mail_ready` or `mail_stopped`.
   *
   * @param withinMs milliseconds until the attempt is broken off
   * @returns what stops every email; never throws
   */
  async function verify(withinMs = 30_000): Promise<SendOutcome> {
    try {
      await transport.tryOut(AbortSignal.timeout(withinMs))
      log.info({ event: 'mail_ready' })
      return report({ ok: true })
    } catch (error) {
      const failure = classifyFailure(error)
      // Silence is about no recipient here.
      return report(failure.reason === 'deadline' ? { ...failure, cause: 'network' } : failure)
    }
  }

  function messageTo(address: string, id: string, content: EmailText): Omit<Message, 'signal'> {
    return {
      envelope: { from: sender.address, to: [address] },
      from: sender,
      to: { name: '', address },
      replyTo: replyAddress,
      subject: oneLine(content.subject),
      text: content.text,
      html: content.html,
      messageId: `<${id}@${domain}>`,
      date: new Date(),
      headers: { 'Auto-Submitted': 'auto-generated' }, // RFC 3834 §5: no vacation note answers it
      textEncoding: 'quoted-printable',
    }
  }

  /** Costs the time that making a message takes, and sends none. */
  async function rehearse(content: EmailText): Promise<void> {
    await compose(messageTo(sender.address, 'rehearsal', content))
  }

  function report(outcome: SendOutcome): SendOutcome {
    noteTrouble(outcome)
    return outcome
  }

  return { send, rehearse, verify, close: transport.close }
}

type Message = Parameters<ReturnType<typeof nodemailer.createTransport>['sendMail']>[0] & {
  envelope: { from: string; to: [string] }
  signal: AbortSignal
}
type Transport = {
  /** @param handedOver called when the last of the email is written, and only an answer is missing */
  over(id: string, message: Message, handedOver: () => void): Promise<void>
  /** Everything but an email. @throws as {@link Transport.over} does */
  tryOut(signal: AbortSignal): Promise<void>
  close(): void
}

/**
 * When an attempt is broken off: at the deadline, or once the email is handed over, when the answer takes too long. A
 * email that is broken off then would be sent again, and may have left.
 */
function createDeadline(deadlineMs: number, answerMs: number) {
  const breaking = new AbortController()
  let whole = false
  AbortSignal.timeout(deadlineMs).addEventListener('abort', () => whole || breaking.abort())
  function handedOver(): void {
    whole = true
    AbortSignal.timeout(answerMs).addEventListener('abort', () => breaking.abort())
  }
  return { signal: breaking.signal, handedOver, isHandedOver: () => whole }
}

/** No email of ours points to files or URLs, so that none that is made to ever fetches one. */
const noExternalContent = { disableFileAccess: true, disableUrlAccess: true }

function createSmtpTransport(smtpUrl: string, { heloName, authorities, log }: MailerOptions): Transport {
  const options = smtpOptions(smtpUrl, { heloName, authorities })
  if (options.ignoreTLS && !isLoopback(options.host)) {
    log.warn({ event: 'mail_without_tls', host: options.host })
  }
  const transport = nodemailer.createTransport({ ...options, ...noExternalContent, pool: true })
  transport.on('error', (error: unknown) =>
    log.error({ event: 'mail_transport_error', reason: classifyFailure(error).reason }),
  )
  const written = new WeakMap<AbortSignal, () => void>()
  transport.use('stream', (mail, next) => {
    mail.message.processFunc((content) => content.once('end', () => written.get(mail.data.signal!)?.()))
    next()
  })
  return {
    async over(_, message, handedOver) {
      const { envelope, signal } = message
      if (needsSmtpUtf8(envelope.to[0])) {
        const source = Readable.from([await compose(message)]).once('end', handedOver)
        return sendAsUtf8(options, { from: envelope.from, to: envelope.to[0] }, source, signal)
      }
      written.set(signal, handedOver)
      await transport.sendMail(message)
    },
    tryOut: (signal) => trySession(options, signal),
    close: () => transport.close(),
  }
}

/** The bytes of a message, with the line ends of SMTP. */
async function compose(message: Omit<Message, 'signal'>): Promise<Buffer> {
  const composer = nodemailer.createTransport({
    ...noExternalContent,
    streamTransport: true,
    buffer: true,
    newline: 'windows',
  })
  return (await composer.sendMail(message)).message as Buffer
}

/** The mailbox of demo and dev: a file per email, there in whole or not at all, for the owner's eyes only. */
function createFileTransport(dir: string | undefined): Transport {
  if (dir === undefined) throw new Error('A mailer needs a mail server or a mailbox.')
  const ready = () => mkdir(dir, { recursive: true, mode: 0o700 })
  return {
    async over(id, message) {
      const source = await compose(message)
      await ready()
      const unfinished = join(dir, `.${id}.${randomBytes(6).toString('hex')}.part`)
      await writeFile(unfinished, source, { mode: 0o600, flag: 'wx' })
      await rename(unfinished, join(dir, `${id}.eml`))
    },
    async tryOut() {
      await ready()
      await access(dir, constants.W_OK)
    },
    close: () => undefined,
  }
}

function requireMailbox(setting: string, text: string) {
  const mailbox = readMailbox(text)
  if (mailbox === null) throw new Error(`${setting} must be one address that emails can come from.`)
  return mailbox
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}
