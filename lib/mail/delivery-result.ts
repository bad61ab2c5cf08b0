import { stopsEveryEmail, type MailCause } from './failure-hints'

/**
 * What became of a letter.
 *
 * `final`: sending it again is no use. `alert`: the fault is ours or the mail server's, not the recipient's, so somebody
 * should look. `maybeDelivered`: the whole letter was handed over, and nobody said what became of it; it may have left. `cause`
 * says what it failed at, and so whether every email would fail (`stopsEveryEmail`). The mailer always gives it.
 * `reason` is made of codes; it never holds the letter, a link or an address.
 */
export type SendOutcome =
  | { ok: true }
  | {
      ok: false
      final: boolean
      alert?: boolean
      maybeDelivered?: boolean
      cause?: MailCause
      reason: string
    }

type Failure = Extract<SendOutcome, { ok: false }>

/** What nodemailer and Node put on the errors of a failed delivery. */
type MailError = {
  code?: unknown
  originalCode?: unknown
  command?: unknown
  response?: unknown
  responseCode?: unknown
}

/** The reason of an email that would need SMTPUTF8 (RFC 6531) where the mail server does not offer it. */
export const smtpUtf8Unsupported = 'smtputf8-unsupported'

/** The mail server does not offer SMTPUTF8, which the recipient's address needs. */
export class SmtpUtf8Missing extends Error {}

/**
 * Whether a failed delivery is worth another try, and what it failed at (RFC 5321 §4.2.1):
 *
 * - 5xx to the recipient or to the content: final. The mailbox is gone, or will not have this letter.
 * - no TLS, a certificate that does not hold, a greeting, login, sender or relay that is refused: alert. Retried, since
 *   it is the settings that will change and not the letter.
 * - 4xx, network, time: retried.
 *
 * @param handedOver whether the whole letter was written: then a failure without a reply is none of the letter's, and it
 *   may have left (RFC 5321 §4.5.3.2.6)
 */
export function classifyFailure(error: unknown, handedOver = false): Failure {
  const { code, originalCode, command, response, responseCode } = (error ?? {}) as MailError
  const reason = describe([originalCode ?? code, responseCode, enhancedCode(response), command])
  if (error instanceof SmtpUtf8Missing || refusesUtf8(response))
    return { ok: false, final: true, cause: 'recipient', reason: smtpUtf8Unsupported }
  if (handedOver && responseCode === undefined)
    return { ok: false, final: false, maybeDelivered: true, cause: 'server', reason: 'mail-unanswered' }
  if (code === 'EABORT') return { ok: false, final: false, cause: 'server', reason: 'deadline' }

  const cause =
    typeof responseCode === 'number'
      ? causeOfReply({ code, command, response, responseCode })
      : causeWithoutReply(String(code), String(originalCode))
  const refused = typeof responseCode === 'number' && responseCode >= 500 && responseCode !== 503
  if (refused && (cause === 'recipient' || cause === 'message'))
    return { ok: false, final: true, cause, reason }
  return stopsEveryEmail(cause) && cause !== 'network'
    ? { ok: false, final: false, alert: true, cause, reason }
    : { ok: false, final: false, cause, reason }
}

type Reply = { code: unknown; command: unknown; response: unknown; responseCode: number }

/** What a reply is about: the step at which it came, unless its code or its text says that it is about another one. */
function causeOfReply({ code, command, response, responseCode }: Reply): MailCause {
  const permanent = responseCode >= 500 && responseCode !== 503
  const text = ownWords(response)
  if (command === 'STARTTLS' || code === 'ETLS') return 'tls'
  // Some relays close with 421 where they do not like the name; that does not pass (smtp-relay.gmail.com).
  if (command === 'EHLO' || command === 'HELO') return 'greeting'
  if (code === 'EAUTH') return responseCode === 421 ? 'server' : 'authentication'
  if (command === 'CONN') return permanent ? 'greeting' : 'server' // the banner, or 421 at any time (RFC 5321 §3.8)
  if (responseCode === 538) return 'tls'
  // Not let in, at whatever step it is said (RFC 4954 §6, RFC 3207 §4).
  if (notLetIn.has(responseCode))
    return /\b(?:starttls|tls|ssl|encrypt\w*)\b/i.test(text) ? 'tls' : 'authentication'
  if (command === 'MAIL FROM') {
    if (responseCode === 552) return 'message' // too long (RFC 1870 §6.1)
    return delayedCause(text) ?? (permanent ? 'sender' : 'server')
  }
  if (command === 'RCPT TO') {
    if (aboutTheAddress.test(enhancedCode(response) ?? '')) return 'recipient'
    return delayedCause(text) ?? 'recipient'
  }
  if (command === 'DATA') return mayNotSendAs.test(text) ? 'sender' : 'message'
  return permanent ? 'own' : 'server'
}

const notLetIn = new Set([530, 534, 535])

/** About the recipient's address or mailbox, whatever the text says (RFC 3463 §3.2, §3.3; RFC 7505 §4). */
const aboutTheAddress = /^\d\.(?:1\.[1-6]|1\.10|2\.\d+)$/

/**
 * What a mail server refuses at RCPT although it is not about the recipient: Postfix holds all refusals back until then
 * (`smtpd_delay_reject`), and a server that takes us for a stranger refuses to relay.
 */
function delayedCause(text: string): MailCause | undefined {
  if (/\b(?:helo|ehlo)\b/i.test(text)) return 'greeting'
  if (/\bsender address rejected\b|\bsender verify failed\b/i.test(text)) return 'sender'
  if (/\brelay|\brcpthosts\b|\bclient host rejected\b/i.test(text)) return 'authentication'
  return undefined
}

/** How hosted relays say at the end of DATA that this account may not use the sender's address. */
const mayNotSendAs = /\bSendAsDenied\b|\bpermissions? to send as\b|\bverified sender identity\b/i

/**
 * The text of a reply without what others may have chosen: addresses, and what the recipient's mail server said to ours.
 * A stranger's address that contains "relay" must not look like a server that sends nothing.
 */
function ownWords(response: unknown): string {
  if (typeof response !== 'string') return ''
  return response
    .replace(/\brecipient address rejected\b[^]*/i, '')
    .replace(/\bsaid:[^]*/i, '')
    .replace(/<[^>]*>|\S*@\S*/g, ' ')
}

/** X.6.7 to X.6.10: an address or a header outside ASCII cannot be passed on (RFC 6531 §4.4.4, RFC 5248). */
function refusesUtf8(response: unknown): boolean {
  return /^5\.6\.(?:7|8|9|10)$/.test(enhancedCode(response) ?? '')
}

/** What failed before or without any reply. */
function causeWithoutReply(code: string, originalCode: string): MailCause {
  if (
    code === 'ESOCKET' &&
    !/CERT|SSL|TLS|EPROTO|UNABLE_TO|INVALID_|HOSTNAME_|PATH_LENGTH|CRL/.test(originalCode)
  )
    return 'network'
  if (code === 'ESOCKET')
    return /^(?:ERR_SSL_|EPROTO|ERR_TLS_(?!CERT))/.test(originalCode) ? 'tls' : 'certificate'
  // EPROTOCOL: what answers there does not speak SMTP.
  if (['ECONNECTION', 'ETIMEDOUT', 'EDNS', 'EPROTOCOL'].includes(code)) return 'network'
  if (code === 'ETLS') return 'tls'
  if (code === 'EAUTH' || code === 'ENOAUTH') return 'authentication'
  if (code === 'EMESSAGE') return 'message' // longer than the mail server takes
  return 'own' // a mailbox that cannot be written, and whatever nobody thought of
}

function enhancedCode(response: unknown): string | undefined {
  return typeof response === 'string' ? /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] : undefined
}

/** Codes only: a reply's text quotes addresses, and an error's message may quote anything. */
function describe(parts: unknown[]): string {
  const codes = parts.filter(
    (part) => typeof part === 'number' || (typeof part === 'string' && /^[\w. -]{1,40}$/.test(part)),
  )
  return codes.length > 0 ? codes.join(' ') : 'unknown'
}
