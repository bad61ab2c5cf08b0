import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import nodemailer from 'nodemailer'
import { readMailbox, wireAddress } from './email-address'
import type { LetterText } from './letters'
import type { Log } from './log'
import { judgeFailure } from './mail-failure'
import { isLoopback } from './settings/checks'

/**
 * What became of a letter.
 *
 * `final`: sending it again is no use. `alert`: the fault is ours or the mail server's, not the recipient's, so somebody
 * should look. `unheard`: the whole letter was handed over, and nobody said what became of it; it may have left. `reason`
 * is made of codes; it never holds the letter, a link or an address.
 */
export type SendOutcome =
  { ok: true } | { ok: false; final: boolean; alert?: boolean; unheard?: boolean; reason: string }

export type OutgoingLetter = {
  /** The job's id: retries of one job are one message to whoever receives it (RFC 5322 §3.6.4). */
  id: string
  /** The stored address; it is not trusted to be one. */
  to: string
  letter: LetterText
  /**
   * Milliseconds until the attempt is broken off, whatever the mail server is doing, unless the whole letter was handed
   * over by then; a minute unless told.
   */
  deadlineMs?: number
  /** Milliseconds for the mail server's answer to a whole letter; ten minutes unless told (RFC 5321 §4.5.3.2.6). */
  answerMs?: number
}

export type Mailer = ReturnType<typeof createMailer>

export type MailerOptions = {
  /** Where letters go: a mail server… */
  smtpUrl?: string | undefined
  /** …or, in demo and dev, a directory. */
  mailboxDir?: string | undefined
  from: string
  replyTo?: string | undefined
  log: Log
}

/** Letters that are under way at the same time, a connection each: as many as a worker has in hand, of both kinds. */
export const mailConnections = 16

const aMinute = 60_000
const tenMinutes = 600_000

/** Milliseconds that one attempt may take. */
export const longestAttempt = aMinute + tenMinutes

/**
 * Sends letters by SMTP, or catches them in a directory; the message is the same either way.
 *
 * @throws Error when the sender's address is none, or when it is not told where letters go
 */
export function createMailer({ smtpUrl, mailboxDir, from, replyTo, log }: MailerOptions) {
  const sender = requireMailbox('VERIFICATION_FROM_EMAIL', from)
  const answersTo = replyTo === undefined ? undefined : requireMailbox('VERIFICATION_REPLY_TO_EMAIL', replyTo)
  const domain = sender.address.slice(sender.address.indexOf('@') + 1)
  const hand = smtpUrl === undefined ? catchIn(mailboxDir) : deliverThrough(smtpUrl, log)

  /**
   * One attempt to send a letter to one address. Never throws for what a mail server, a network or a stored address
   * does; the outcome says it.
   */
  async function send({
    id,
    to,
    letter,
    deadlineMs = aMinute,
    answerMs = tenMinutes,
  }: OutgoingLetter): Promise<SendOutcome> {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Error('A letter needs the id of its job.')
    const address = wireAddress(to)
    if (address === null) return { ok: false, final: true, reason: 'address-refused' }
    const patience = startPatience(deadlineMs, answerMs)
    try {
      const message: Message = {
        envelope: { from: sender.address, to: [address] },
        from: sender,
        to: { name: '', address },
        replyTo: answersTo,
        subject: oneLine(letter.subject),
        text: letter.text,
        html: letter.html,
        messageId: `<${id}@${domain}>`,
        date: new Date(),
        headers: { 'Auto-Submitted': 'auto-generated' }, // RFC 3834 §5: no vacation note answers it
        textEncoding: 'quoted-printable',
        signal: patience.signal,
      }
      await hand.over(id, message, patience.handedOver)
      return { ok: true }
    } catch (error) {
      return judgeFailure(error, patience.isHandedOver())
    }
  }

  return { send, close: hand.close }
}

type Message = Parameters<ReturnType<typeof nodemailer.createTransport>['sendMail']>[0]
type Hand = {
  /** @param handedOver called when the last of the letter is written, and only an answer is missing */
  over(id: string, message: Message, handedOver: () => void): Promise<void>
  close(): void
}

/**
 * When an attempt is broken off: at the deadline, or once the letter is handed over, when the answer takes too long. A
 * letter that is broken off then would be sent again, and may have left.
 */
function startPatience(deadlineMs: number, answerMs: number) {
  const breaking = new AbortController()
  let whole = false
  AbortSignal.timeout(deadlineMs).addEventListener('abort', () => whole || breaking.abort())
  function handedOver(): void {
    whole = true
    AbortSignal.timeout(answerMs).addEventListener('abort', () => breaking.abort())
  }
  return { signal: breaking.signal, handedOver, isHandedOver: () => whole }
}

/** No letter of ours points to files or URLs, so that none that is made to ever fetches one. */
const closedDoors = { disableFileAccess: true, disableUrlAccess: true }

function deliverThrough(smtpUrl: string, log: Log): Hand {
  const options = smtpOptions(smtpUrl)
  if (options.ignoreTLS && !isLoopback(options.host)) {
    log.warn({ event: 'mail_without_tls', host: options.host })
  }
  const transport = nodemailer.createTransport({ ...options, ...closedDoors, pool: true })
  transport.on('error', (error: unknown) =>
    log.error({ event: 'mail_transport_error', reason: judgeFailure(error).reason }),
  )
  const written = new WeakMap<AbortSignal, () => void>()
  transport.use('stream', (mail, next) => {
    mail.message.processFunc((letter) => letter.once('end', () => written.get(mail.data.signal!)?.()))
    next()
  })
  return {
    async over(_, message, handedOver) {
      written.set(message.signal!, handedOver)
      await transport.sendMail(message)
    },
    close: () => transport.close(),
  }
}

/**
 * The mail server's URL as nodemailer's options, one by one, so that nothing else in the URL can switch anything.
 * `smtp:` must upgrade to TLS before anything is said, unless `?ignoreTLS=true`; `smtps:` starts with TLS. Times are
 * milliseconds; nodemailer's own defaults let a silent server hold a job for ten minutes.
 */
export function smtpOptions(smtpUrl: string) {
  const { protocol, hostname, port, username, password, searchParams } = new URL(smtpUrl)
  const secure = protocol === 'smtps:'
  const ignoreTLS = !secure && searchParams.get('ignoreTLS') === 'true'
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    ignoreTLS,
    requireTLS: !secure && !ignoreTLS,
    tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' as const },
    auth: username === '' ? undefined : { user: decodePercents(username), pass: decodePercents(password) },
    maxConnections: mailConnections,
    maxMessages: 100,
    // A connection that the server let go while it was idle is replaced once; all else is the job's to retry.
    maxRequeues: 1,
    dnsTimeout: 10_000,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    // No shorter than an answer may take: nodemailer has one time for all silences. The deadline of an attempt ends the others.
    socketTimeout: longestAttempt,
    socketCloseTimeout: 1_000,
    idleTimeout: 60_000,
    // Either would write letters to the log, and so the links in them.
    debug: false,
    logger: false,
  }
}

/** The mailbox of demo and dev: a file per letter, there in whole or not at all, for the owner's eyes only. */
function catchIn(dir: string | undefined): Hand {
  if (dir === undefined) throw new Error('A mailer needs a mail server or a mailbox.')
  const transport = nodemailer.createTransport({
    ...closedDoors,
    streamTransport: true,
    buffer: true,
    newline: 'windows',
  })
  return {
    async over(id, message) {
      const { message: source } = await transport.sendMail(message)
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const unfinished = join(dir, `.${id}.${randomBytes(6).toString('hex')}.part`)
      await writeFile(unfinished, source as Buffer, { mode: 0o600, flag: 'wx' })
      await rename(unfinished, join(dir, `${id}.eml`))
    },
    close: () => transport.close(),
  }
}

function requireMailbox(setting: string, text: string) {
  const mailbox = readMailbox(text)
  if (mailbox === null) throw new Error(`${setting} must be one address that letters can come from.`)
  return mailbox
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a bare % that was never an escape
  }
}
