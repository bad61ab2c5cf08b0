import type { SendOutcome } from './mailer'

type Failure = Extract<SendOutcome, { ok: false }>

/** What nodemailer and Node put on the errors of a failed delivery. */
type MailError = {
  code?: unknown
  originalCode?: unknown
  command?: unknown
  response?: unknown
  responseCode?: unknown
}

/** Replies that say that we are not let in, at whatever step they come (RFC 4954 §6, RFC 3207 §4). */
const notLetIn = new Set([530, 534, 535, 538])

/** A step at which a refusal is about this recipient or this letter. */
const aboutTheLetter = new Set(['RCPT TO', 'DATA'])

/**
 * Whether a failed delivery is worth another try, and whose fault it is (RFC 5321 §4.2.1):
 *
 * - 5xx to the recipient or to the content: final. The mailbox is gone, or will not have this letter.
 * - no TLS, a certificate that does not hold, a login that fails, a sender or a relay that is refused: ours. Retried,
 *   since it is the settings that will change and not the letter, and somebody is told.
 * - 4xx, network, time: retried.
 *
 * @param handedOver whether the whole letter was written: then a failure without a reply is none of the letter's, and it
 *   may have left (RFC 5321 §4.5.3.2.6)
 */
export function judgeFailure(error: unknown, handedOver = false): Failure {
  const { code, originalCode, command, response, responseCode } = (error ?? {}) as MailError
  const reason = describe([originalCode ?? code, responseCode, enhancedCode(response), command])
  if (handedOver && responseCode === undefined)
    return { ok: false, final: false, unheard: true, reason: 'mail-unanswered' }
  if (code === 'EABORT') return { ok: false, final: false, reason: 'deadline' }

  const refused = typeof responseCode === 'number' && responseCode >= 500 && responseCode !== 503
  if (
    refused &&
    !notLetIn.has(responseCode) &&
    !refusesToRelay(response) &&
    aboutTheLetter.has(String(command))
  ) {
    return { ok: false, final: true, reason }
  }
  if (refused || isOurFault(String(code), String(originalCode)))
    return { ok: false, final: false, alert: true, reason }
  return { ok: false, final: false, reason }
}

/** What fails in the same way for every letter until somebody changes something. */
function isOurFault(code: string, originalCode: string): boolean {
  if (['ECONNECTION', 'ETIMEDOUT', 'EDNS', 'EPROTOCOL', 'EENVELOPE', 'EMESSAGE'].includes(code)) return false
  if (code === 'ESOCKET') return /CERT|SSL|TLS|EPROTO|UNABLE_TO/.test(originalCode)
  return true // EAUTH, ETLS, a mailbox that cannot be written, and whatever nobody thought of
}

/** A server that takes our mail for a stranger's says so at the recipient, with a 5xx like any other. */
function refusesToRelay(response: unknown): boolean {
  return typeof response === 'string' && /\brelay/i.test(response)
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
