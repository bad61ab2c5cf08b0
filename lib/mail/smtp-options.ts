import { createSecureContext, getCACertificates, rootCertificates } from 'node:tls'

/** The most emails with links that are sent concurrently. */
export const linkEmailConnections = 16

/**
 * The most emails that are sent concurrently, each on its own connection, including those about a changed password. Some mail
 * servers accept at most twenty connections from one client.
 */
export const mailConnections = linkEmailConnections + 4

/** The most milliseconds until the last byte of an email is sent. */
export const transmissionDeadlineMs = 60_000

/** The most milliseconds from then until the reply (RFC 5321 §4.5.3.2.6). */
export const replyDeadlineMs = 600_000

/** The most milliseconds of one attempt to send an email. */
export const attemptDeadlineMs = transmissionDeadlineMs + replyDeadlineMs

const minVersion = 'TLSv1.2' as const

export type SmtpOptions = ReturnType<typeof smtpOptions>

/**
 * Converts the mail server's URL to nodemailer's options, each explicitly, so that no other part of the URL has an effect.
 * `smtp:` must upgrade to TLS before any command, unless `?ignoreTLS=true`; `smtps:` starts with TLS. Times are milliseconds;
 * with nodemailer's defaults, a silent server would block a job for ten minutes.
 *
 * @param more.heloName the name in EHLO (RFC 5321 §4.1.1.1); by default this machine's name or [127.0.0.1]
 * @param more.authorities certificates of private authorities, PEM; trusted in addition to Node's
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
    // Replaces a connection that the server closed while it was idle, once; the job retries other failures.
    maxRequeues: 1,
    dnsTimeout: 10_000,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    // As long as the reply to a whole email may take: nodemailer has one timeout for all replies. The attempt's deadline limits
    // the others.
    socketTimeout: attemptDeadlineMs,
    socketCloseTimeout: 1_000,
    idleTimeout: 60_000,
    // Either would log emails with their links.
    debug: false,
    logger: false,
  }
}

/**
 * Returns the TLS options to trust these certificate authorities besides Node's. Makes one TLS context for all connections: with the
 * option `ca`, each connection would parse Node's long list of certificates again.
 */
function trusting(authorities: string[]) {
  if (authorities.length === 0) return {}
  const ca = [...nodesAuthorities(), ...authorities]
  return { secureContext: createSecureContext({ ca, minVersion }) }
}

function nodesAuthorities(): readonly string[] {
  // Node 22.13 and 22.14 have no getCACertificates.
  return typeof getCACertificates === 'function' ? getCACertificates('default') : rootCertificates
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a bare % that was never an escape
  }
}
