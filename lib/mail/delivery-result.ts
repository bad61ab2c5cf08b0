import { stopsEveryEmail, type MailCause } from './failure-hints'

/**
 * The result of sending an email.
 *
 * - `reply`: the storable part of the mail server's reply (`storableReply`), to find the email in that server's log.
 * - `final`: a retry cannot succeed.
 * - `alert`: probably the settings of Rekey or of the mail server are at fault, so an operator must act.
 * - `maybeDelivered`: the email may have been delivered although the attempt failed.
 * - `cause`: undefined if a team's own `sendEmail` does not tell it.
 * - `reason`: codes. Must not contain a part of the email, a link or an email address.
 */
export type SendOutcome =
  | { ok: true; reply?: string | undefined }
  | {
      ok: false
      final: boolean
      alert?: boolean
      maybeDelivered?: boolean
      cause?: MailCause
      reason: string
    }

type Failure = Extract<SendOutcome, { ok: false }>

/** The properties that nodemailer and Node set on errors. */
type MailError = {
  code?: unknown
  originalCode?: unknown
  command?: unknown
  response?: unknown
  responseCode?: unknown
}

/** The mail server does not offer SMTPUTF8 (RFC 6531), which the recipient's address needs. */
export class SmtpUtf8Missing extends Error {}

/**
 * Decides whether to retry a failed delivery, and what caused the failure (RFC 5321 §4.2.1). Final are 5xx for the recipient or the
 * content, except 503 (bad sequence of commands), and missing SMTPUTF8. `alert` means that a change of settings can help.
 *
 * @param handedOver whether the whole message was sent: without a reply it may have been delivered (RFC 5321 §4.5.3.2.6)
 */
export function classifyFailure(error: unknown, handedOver = false): Failure {
  const { code, originalCode, command, response, responseCode } = (error ?? {}) as MailError
  const reason = describe([originalCode ?? code, responseCode, enhancedCode(response), command])
  if (error instanceof SmtpUtf8Missing || refusesUtf8(response))
    return { ok: false, final: true, cause: 'recipient', reason: 'smtputf8-unsupported' }
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

function causeOfReply({ code, command, response, responseCode }: Reply): MailCause {
  const permanent = responseCode >= 500 && responseCode !== 503
  const text = withoutUntrustedText(response)
  if (command === 'STARTTLS' || code === 'ETLS') return 'tls'
  // Some relays reject the EHLO name with 421, which looks temporary but is not (smtp-relay.gmail.com).
  if (command === 'EHLO' || command === 'HELO') return 'greeting'
  if (code === 'EAUTH') return responseCode === 421 ? 'server' : 'authentication'
  if (command === 'CONN') return permanent ? 'greeting' : 'server' // the banner, or 421 at any time (RFC 5321 §3.8)
  if (responseCode === 538) return 'tls'
  // These codes mean missing or rejected authentication, or missing TLS (RFC 4954 §6, RFC 3207 §4).
  if (authenticationCodes.has(responseCode))
    return /\b(?:starttls|tls|ssl|encrypt\w*)\b/i.test(text) ? 'tls' : 'authentication'
  if (command === 'MAIL FROM') {
    if (responseCode === 552) return 'message' // too long (RFC 1870 §6.1)
    return delayedCause(text) ?? (permanent ? 'sender' : 'server')
  }
  if (command === 'RCPT TO') {
    if (recipientCodes.test(enhancedCode(response) ?? '')) return 'recipient'
    return delayedCause(text) ?? 'recipient'
  }
  if (command === 'DATA') return mayNotSendAs.test(text) ? 'sender' : 'message'
  return permanent ? 'own' : 'server'
}

const authenticationCodes = new Set([530, 534, 535])

/** Enhanced codes for the recipient's address or mailbox. They take precedence over the text (RFC 3463 §3.2, §3.3; RFC 7505 §4). */
const recipientCodes = /^\d\.(?:1\.[1-6]|1\.10|2\.\d+)$/

/** Finds a cause in a reply's text, because Postfix delays earlier rejections until RCPT TO (`smtpd_delay_reject`). */
function delayedCause(text: string): MailCause | undefined {
  if (/\b(?:helo|ehlo)\b/i.test(text)) return 'greeting'
  if (/\bsender address rejected\b|\bsender verify failed\b/i.test(text)) return 'sender'
  if (/\brelay|\brcpthosts\b|\bclient host rejected\b/i.test(text)) return 'authentication'
  return undefined
}

/** Texts with which hosted relays reject the sender's address at the end of DATA. */
const mayNotSendAs = /\bSendAsDenied\b|\bpermissions? to send as\b|\bverified sender identity\b/i

/**
 * Removes the parts of a reply that the recipient or their mail server may have written. Otherwise, the rejection of an address that
 * contains "relay" would look like a refusal to relay.
 */
function withoutUntrustedText(response: unknown): string {
  if (typeof response !== 'string') return ''
  return response
    .replace(/\brecipient address rejected\b[^]*/i, '')
    .replace(/\bsaid:[^]*/i, '')
    .replace(/<[^>]*>|\S*@\S*/g, ' ')
}

/** Whether the enhanced code of a reply is 5.6.7 to 5.6.10: a non-ASCII address or header cannot be relayed (RFC 6531 §4). */
function refusesUtf8(response: unknown): boolean {
  return /^5\.6\.(?:7|8|9|10)$/.test(enhancedCode(response) ?? '')
}

function causeWithoutReply(code: string, originalCode: string): MailCause {
  if (code === 'ESOCKET') {
    if (!/CERT|SSL|TLS|EPROTO|UNABLE_TO|INVALID_|HOSTNAME_|PATH_LENGTH|CRL/.test(originalCode))
      return 'network'
    return /^(?:ERR_SSL_|EPROTO|ERR_TLS_(?!CERT))/.test(originalCode) ? 'tls' : 'certificate'
  }
  // EPROTOCOL: an invalid response, usually of a server that does not speak SMTP.
  if (['ECONNECTION', 'ETIMEDOUT', 'EDNS', 'EPROTOCOL'].includes(code)) return 'network'
  if (code === 'ETLS') return 'tls'
  if (code === 'EAUTH' || code === 'ENOAUTH') return 'authentication'
  if (code === 'EMESSAGE') return 'message' // longer than the mail server accepts
  return 'own'
}

function enhancedCode(response: unknown): string | undefined {
  return typeof response === 'string' ? /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] : undefined
}

/**
 * Returns the words of a mail server's reply that can contain neither an email address nor a link, at most 100 characters; undefined if
 * there are none. The reply is untrusted.
 */
export function storableReply(response: unknown): string | undefined {
  if (typeof response !== 'string') return undefined
  const words = response.split(/\s+/).filter((word) => /^[\w.:=[\]()-]{1,64}$/.test(word))
  return words.join(' ').slice(0, 100) || undefined
}

/** Joins codes only, because the texts of replies and errors may quote email addresses. */
function describe(parts: unknown[]): string {
  const codes = parts.filter(
    (part) => typeof part === 'number' || (typeof part === 'string' && /^[\w. -]{1,40}$/.test(part)),
  )
  return codes.length > 0 ? codes.join(' ') : 'unknown'
}
