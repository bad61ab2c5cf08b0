import { createSecureContext, getCACertificates, rootCertificates } from 'node:tls'

/** The most emails with links that one worker process sends concurrently. */
export const linkEmailConnections = 16

/** The most emails that one worker process sends concurrently. Some mail servers accept at most twenty connections from one client. */
export const mailConnections = linkEmailConnections + 4

/** From the start of an attempt until the last byte of its email is sent. */
export const transmissionDeadlineMs = 60_000

/** From the last byte of an email until the mail server's reply (RFC 5321 §4.5.3.2.6). */
export const replyDeadlineMs = 600_000

export const attemptDeadlineMs = transmissionDeadlineMs + replyDeadlineMs

const minVersion = 'TLSv1.2' as const

export type SmtpOptions = ReturnType<typeof smtpOptions>

/**
 * Converts SMTP_URL to nodemailer's options. Of the URL's query, only `ignoreTLS` has an effect: nodemailer itself would take every
 * parameter for an option. With `smtp:`, STARTTLS is required unless `?ignoreTLS=true`.
 *
 * @param more.heloName the name in EHLO (RFC 5321 §4.1.1.1); by default nodemailer's
 * @param more.authorities certificates in PEM, trusted in addition to those that Node trusts
 */
export function smtpOptions(
  smtpUrl: string,
  { heloName, authorities = [] }: { heloName?: string | undefined; authorities?: string[] | undefined } = {},
) {
  const { protocol, hostname, port, username, password, searchParams } = new URL(smtpUrl)
  const secure = protocol === 'smtps:'
  const ignoreTLS = !secure && searchParams.get('ignoreTLS') === 'true'
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    name: heloName,
    secure,
    ignoreTLS,
    requireTLS: !secure && !ignoreTLS,
    tls: { rejectUnauthorized: true, minVersion, ...trusting(authorities) },
    auth: username === '' ? undefined : { user: decodePercents(username), pass: decodePercents(password) },
    maxConnections: mailConnections,
    maxMessages: 100,
    // If a connection closes before its email is sent, the email moves to another one: the first may have been idle. Jobs are retried.
    maxRequeues: 1,
    dnsTimeout: 10_000,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    // nodemailer has one timeout for all replies, and the reply to a whole email may take ten minutes.
    socketTimeout: attemptDeadlineMs,
    socketCloseTimeout: 1_000,
    idleTimeout: 60_000,
    // Together, these two would log whole emails with their links.
    debug: false,
    logger: false,
  }
}

/** Creates one TLS context for all connections: with the option `ca`, each connection would parse all certificates again. */
function trusting(authorities: string[]) {
  if (authorities.length === 0) return {}
  const ca = [...nodesAuthorities(), ...authorities]
  return { secureContext: createSecureContext({ ca, minVersion }) }
}

function nodesAuthorities(): readonly string[] {
  // Node has getCACertificates since version 22.15.
  return typeof getCACertificates === 'function' ? getCACertificates('default') : rootCertificates
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // it has a % that starts no valid escape
  }
}
