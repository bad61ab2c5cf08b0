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
  /** The id of the email's job. It is a part of the Message-ID, so that retries have the same one (RFC 5322 §3.6.4). */
  id: string
  /** The recipient's stored address; it may be invalid. */
  to: string
  content: RenderedEmail
  /** The time to send the whole email; `transmissionDeadlineMs` by default. */
  deadlineMs?: number
  /** The time to wait for the reply to the whole email; `replyDeadlineMs` by default. */
  replyMs?: number
}

export type Mailer = ReturnType<typeof createMailer>

export type MailerOptions = {
  /** Without it, emails are stored in `mailboxDir`. */
  smtpUrl?: string | undefined
  mailboxDir?: string | undefined
  /** The name in EHLO; see {@link smtpOptions}. */
  heloName?: string | undefined
  /** Certificates of private authorities, in PEM. */
  authorities?: string[] | undefined
  /** An address with an optional name. */
  from: string
  replyTo?: string | undefined
  log: Log
}

/** Creates the mailer, which sends emails by SMTP or stores them in a directory. @throws Error if the URL or an address is invalid */
export function createMailer(options: MailerOptions) {
  const { smtpUrl, mailboxDir, from, replyTo, log } = options
  const sender = parseConfiguredAddress('VERIFICATION_FROM_EMAIL', from)
  const replyAddress =
    replyTo === undefined ? undefined : parseConfiguredAddress('VERIFICATION_REPLY_TO_EMAIL', replyTo)
  const domain = sender.address.slice(sender.address.indexOf('@') + 1)
  const transport =
    smtpUrl === undefined ? createFileTransport(mailboxDir) : createSmtpTransport(smtpUrl, options)
  const logTrouble = createTroubleLog(log)

  /** Tries to send an email. A failure is returned as an outcome. @throws Error if `id` is malformed */
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
      // By the id or the reply, an operator finds the email in the mail server's log.
      log.info({ event: 'email_accepted', emailId: id, reply })
      return report({ ok: true, ...(reply && { reply }) })
    } catch (error) {
      return report(classifyFailure(error, deadline.isHandedOver()))
    } finally {
      deadline.end()
    }
  }

  /** Checks without an email whether one could be sent: connects and signs in, or accesses the mailbox directory. Never throws. */
  async function verify(withinMs = 30_000): Promise<SendOutcome> {
    try {
      await transport.tryOut(AbortSignal.timeout(withinMs))
      log.info({ event: 'mail_ready' })
      return report({ ok: true })
    } catch (error) {
      const failure = classifyFailure(error)
      // Without a recipient, a timeout is a failure of the connection.
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

  /** Composes a message and drops it, so that a simulated email costs this process about as much time as a sent one. */
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
  /** Calls `handedOver` once the whole email is sent by SMTP. Returns the mail server's reply; undefined for a stored email. */
  send(id: string, message: Message, handedOver: () => void): Promise<string | undefined>
  /** Checks without an email that `send` could work. */
  tryOut(signal: AbortSignal): Promise<void>
  close(): void
}

/**
 * Aborts an attempt after `deadlineMs` or, once the whole email was sent, `replyMs` later. Call `end` after the attempt: otherwise the
 * timer keeps the email in memory for minutes.
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

/** Forbids nodemailer to read files or fetch URLs for an email. */
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

/** Returns a message with CRLF, as SMTP requires. */
async function compose(message: Omit<Message, 'signal'>): Promise<Buffer> {
  const composer = nodemailer.createTransport({
    ...noExternalContent,
    streamTransport: true,
    buffer: true,
    newline: 'windows',
  })
  return (await composer.sendMail(message)).message as Buffer
}

/** Stores each email as a file, written atomically and readable by its owner only. */
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
