import { createSecureContext, getCACertificates, rootCertificates } from 'node:tls'

/** Emails with links that are sent at the same time. */
export const linkConnections = 16

/**
 * Emails that are sent at the same time, a connection each, those about a changed password included. Some mail servers
 * accept twenty connections from one client and no more.
 */
export const mailConnections = linkConnections + 4

export const aMinute = 60_000
export const tenMinutes = 600_000

/** Milliseconds that one attempt may take. */
export const longestAttempt = aMinute + tenMinutes

const minVersion = 'TLSv1.2' as const

export type SmtpOptions = ReturnType<typeof smtpOptions>

/**
 * The mail server's URL as nodemailer's options, one by one, so that nothing else in the URL can switch anything.
 * `smtp:` must upgrade to TLS before anything is said, unless `?ignoreTLS=true`; `smtps:` starts with TLS. Times are
 * milliseconds; nodemailer's own defaults let a silent server hold a job for ten minutes.
 *
 * @param more.heloName what EHLO says (RFC 5321 §4.1.1.1); without it nodemailer says this machine's name or [127.0.0.1]
 * @param more.authorities certificates of private authorities, PEM; believed besides those that Node believes
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
    // A connection that the server let go while it was idle is replaced once; all else is the job's to retry.
    maxRequeues: 1,
    dnsTimeout: 10_000,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    // No shorter than an answer may take: nodemailer has one time for all silences. The deadline of an attempt ends the others.
    socketTimeout: longestAttempt,
    socketCloseTimeout: 1_000,
    idleTimeout: 60_000,
    // Either would write emails to the log, and so the links in them.
    debug: false,
    logger: false,
  }
}

/** Made once for all connections: Node's own list is long, and a list in `ca` would be parsed for each. */
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
