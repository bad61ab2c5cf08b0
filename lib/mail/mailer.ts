import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import nodemailer from 'nodemailer'
import { needsSmtpUtf8, parseAddressWithOptionalName, smtpAddress } from '@/lib/addresses/email-address'
import type { RenderedEmail } from './email-types'
import type { Log } from '@/lib/logging/log'
import { classifyFailure, storableReply, type SendOutcome } from './delivery-result'
import { createTroubleLog } from './trouble-log'
import { isLoopback } from '@/lib/addresses/loopback'
import { transmissionDeadlineMs, smtpOptions, replyDeadlineMs } from './smtp-options'
import { sendAsUtf8, testSession } from './smtp-session'

export type OutgoingEmail = {
  /** The id of the email's job. It is a part of the Message-ID, so that all attempts have the same one (RFC 5322 §3.6.4). */
  id: string
  /** The recipient's stored email address; it may be invalid. */
  to: string
  content: RenderedEmail
  /** Milliseconds until the attempt is aborted, unless the whole email was sent by then. One minute by default. */
  deadlineMs?: number
  /** Milliseconds to wait for the mail server's reply after the whole email. Ten minutes by default (RFC 5321 §4.5.3.2.6). */
  replyMs?: number
}

export type Mailer = ReturnType<typeof createMailer>

export type MailerOptions = {
  /** The URL of the mail server. Without one, emails are stored in `mailboxDir`. */
  smtpUrl?: string | undefined
  /** The directory in which demo and dev store emails instead of sending them. */
  mailboxDir?: string | undefined
  /** The name in EHLO; see {@link smtpOptions}. */
  heloName?: string | undefined
  /** Certificates, in PEM, of private authorities that may have signed the mail server's certificate. */
  authorities?: string[] | undefined
  /** The sender: an address with an optional name, as in VERIFICATION_FROM_EMAIL. */
  from: string
  replyTo?: string | undefined
  log: Log
}

/**
 * Creates the mailer, which sends emails by SMTP or stores the same messages in a directory.
 *
 * @throws Error if the URL, `from` or `replyTo` is invalid, or if neither a mail server nor a directory is given
 */
export function createMailer(options: MailerOptions) {
  const { smtpUrl, mailboxDir, from, replyTo, log } = options
  const sender = parseConfiguredAddress('VERIFICATION_FROM_EMAIL', from)
  const replyAddress =
    replyTo === undefined ? undefined : parseConfiguredAddress('VERIFICATION_REPLY_TO_EMAIL', replyTo)
  const domain = sender.address.slice(sender.address.indexOf('@') + 1)
  const transport =
    smtpUrl === undefined ? createFileTransport(mailboxDir) : createSmtpTransport(smtpUrl, options)
  const logTrouble = createTroubleLog(log)

  /**
   * Attempts once to send an email to one address.
   *
   * @returns the outcome; also for a failure of the mail server, the network, the directory, or the stored address
   * @throws Error only if `id` is malformed
   */
  async function send({
    id,
    to,
    content,
    deadlineMs = transmissionDeadlineMs,
    replyMs = replyDeadlineMs,
  }: OutgoingEmail): Promise<SendOutcome> {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Error('An email needs the id of its job.')
    const address = smtpAddress(to)
    if (address === null) return { ok: false, final: true, cause: 'recipient', reason: 'address-refused' }
    const deadline = createDeadline(deadlineMs, replyMs)
    try {
      const message: Message = { ...messageTo(address, id, content), signal: deadline.signal }
      const reply = storableReply(await transport.send(id, message, deadline.handedOver))
      // An operator finds the email in the mail server's log by the id, which is a part of the Message-ID, or by the reply.
      log.info({ event: 'email_accepted', emailId: id, reply })
      return report({ ok: true, ...(reply && { reply }) })
    } catch (error) {
      return report(classifyFailure(error, deadline.isHandedOver()))
    } finally {
      deadline.end()
    }
  }

  /**
   * Checks whether an email could be sent now, without sending one: connects, greets, encrypts and signs in, or checks that
   * the mailbox of demo and dev is writable. Logs a success as `mail_ready`, and the outcome also as {@link createTroubleLog} says.
   *
   * @param withinMs milliseconds until the attempt is aborted
   * @returns whether it could be sent, or why not; never throws
   */
  async function verify(withinMs = 30_000): Promise<SendOutcome> {
    try {
      await transport.tryOut(AbortSignal.timeout(withinMs))
      log.info({ event: 'mail_ready' })
      return report({ ok: true })
    } catch (error) {
      const failure = classifyFailure(error)
      // No recipient can be the cause of a timeout here.
      return report(failure.reason === 'deadline' ? { ...failure, cause: 'network' } : failure)
    }
  }

  function messageTo(address: string, id: string, content: RenderedEmail): Omit<Message, 'signal'> {
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
      headers: { 'Auto-Submitted': 'auto-generated' }, // no automatic replies (RFC 3834 §5)
      textEncoding: 'quoted-printable',
    }
  }

  /** Composes a message and drops it, so that an email that is only simulated takes this process about as long as a sent one. */
  async function simulate(content: RenderedEmail): Promise<void> {
    await compose(messageTo(sender.address, 'simulation', content))
  }

  function report(outcome: SendOutcome): SendOutcome {
    logTrouble(outcome)
    return outcome
  }

  return { send, simulate, verify, close: transport.close }
}

type Message = Parameters<ReturnType<typeof nodemailer.createTransport>['sendMail']>[0] & {
  envelope: { from: string; to: [string] }
  signal: AbortSignal
}
type Transport = {
  /**
   * Sends or stores a message.
   *
   * @param handedOver called when the whole email is sent by SMTP and only the reply is missing
   * @returns the mail server's reply; undefined for an email that was stored in the directory
   * @throws an error for `classifyFailure`
   */
  send(id: string, message: Message, handedOver: () => void): Promise<string | undefined>
  /** Checks that `send` could work, without an email. @throws like `send` */
  tryOut(signal: AbortSignal): Promise<void>
  close(): void
}

/**
 * Aborts an attempt after `deadlineMs` or, once the whole email was sent, if no reply comes within `replyMs`. In the second case, a
 * retry may send a duplicate. Call `end` after the attempt: otherwise the timer keeps the email in memory for up to ten minutes.
 */
function createDeadline(deadlineMs: number, replyMs: number) {
  const breaking = new AbortController()
  const abortAfter = (ms: number) => setTimeout(() => breaking.abort(), ms).unref()
  let timer = abortAfter(deadlineMs)
  let whole = false
  let ended = false
  function handedOver(): void {
    whole = true
    clearTimeout(timer)
    if (!ended) timer = abortAfter(replyMs)
  }
  function end(): void {
    ended = true
    clearTimeout(timer)
  }
  return { signal: breaking.signal, handedOver, isHandedOver: () => whole, end }
}

/** Forbids nodemailer to read files or fetch URLs for an email. Rekey's emails need neither. */
const noExternalContent = { disableFileAccess: true, disableUrlAccess: true }

function createSmtpTransport(smtpUrl: string, { heloName, authorities, log }: MailerOptions): Transport {
  const options = smtpOptions(smtpUrl, { heloName, authorities })
  if (options.ignoreTLS && !isLoopback(options.host)) {
    log.warn({ event: 'mail_without_tls', host: options.host })
  }
  const transport = nodemailer.createTransport({ ...options, ...noExternalContent, pool: true })
  transport.on('error', (error: unknown) =>
    log.error({ event: 'mail_transport_error', requestId: undefined, reason: classifyFailure(error).reason }),
  )
  const written = new WeakMap<AbortSignal, () => void>()
  transport.use('stream', (mail, next) => {
    mail.message.processFunc((content) => content.once('end', () => written.get(mail.data.signal!)?.()))
    next()
  })
  return {
    async send(_, message, handedOver) {
      const { envelope, signal } = message
      if (needsSmtpUtf8(envelope.to[0])) {
        const source = Readable.from([await compose(message)]).once('end', handedOver)
        return sendAsUtf8(options, { from: envelope.from, to: envelope.to[0] }, source, signal)
      }
      written.set(signal, handedOver)
      return (await transport.sendMail(message)).response
    },
    tryOut: (signal) => testSession(options, signal),
    close: () => transport.close(),
  }
}

/** Returns the bytes of a message, with CRLF as SMTP requires. */
async function compose(message: Omit<Message, 'signal'>): Promise<Buffer> {
  const composer = nodemailer.createTransport({
    ...noExternalContent,
    streamTransport: true,
    buffer: true,
    newline: 'windows',
  })
  return (await composer.sendMail(message)).message as Buffer
}

/** Creates the transport of demo and dev: each email becomes one file, written atomically, readable by its owner only. */
function createFileTransport(dir: string | undefined): Transport {
  if (dir === undefined) throw new Error('A mailer needs a mail server or a mailbox.')
  const ready = () => mkdir(dir, { recursive: true, mode: 0o700 })
  return {
    async send(id, message) {
      const source = await compose(message)
      await ready()
      const unfinished = join(dir, `.${id}.${randomBytes(6).toString('hex')}.part`)
      await writeFile(unfinished, source, { mode: 0o600, flag: 'wx' })
      await rename(unfinished, join(dir, `${id}.eml`))
      return undefined
    },
    async tryOut() {
      await ready()
      await access(dir, constants.W_OK)
    },
    close: () => undefined,
  }
}

function parseConfiguredAddress(setting: string, text: string) {
  const mailbox = parseAddressWithOptionalName(text)
  if (mailbox === null) throw new Error(`${setting} must be one address that emails can come from.`)
  return mailbox
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}
