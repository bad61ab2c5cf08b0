import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIPv4, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { z } from 'zod'
import { isHostName } from '@/lib/addresses/email-address'
import { isLoopback } from '@/lib/addresses/loopback'

/** nodemailer's fallback for the name in EHLO. Some relays reject it. */
const noName = '[127.0.0.1]'

/** A host name, or an address literal such as `[192.0.2.1]` (RFC 5321 §4.1.1.1, §4.1.3). */
export const heloName = z.string().refine((text) => {
  if (isHostName(text.toLowerCase())) return true
  const literal = /^\[(IPv6:)?([0-9A-Fa-f.:]+)\]$/.exec(text)
  return literal !== null && (literal[1] === undefined ? isIPv4 : isIPv6)(literal[2]!)
}, 'write a host name such as id.example.com, or an address such as [192.0.2.1] or [IPv6:2001:db8::1]')

/** Returns the name in EHLO if SMTP_HELO_NAME is not set. Prefers host names with a dot, because some relays reject others. */
export function defaultHeloName(publicUrl: string, machine = hostname()): string {
  const host = new URL(publicUrl).hostname.replace(/\.$/, '')
  const named = [host, machine.toLowerCase()].find(
    (name) => name.includes('.') && isHostName(name) && !isLoopback(name),
  )
  if (named !== undefined) return named
  if (isIPv4(host)) return `[${host}]`
  const inBrackets = host.slice(1, -1)
  return isIPv6(inBrackets) && !isLoopback(host) ? `[IPv6:${inBrackets}]` : noName
}

/** Reads a PEM file into its certificates, each as PEM. */
export const authoritiesFile = z.string().transform((path, context) => {
  const reject = (message: string) => {
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  let content: string
  try {
    content = readFileSync(path, 'latin1')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return reject(`the file cannot be read (${code}); write the path of a PEM file`)
  }
  const certificates =
    content.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)?.map((pem) => `${pem}\n`) ??
    []
  if (certificates.length === 0)
    return reject('the file contains no certificate; it must be PEM (-----BEGIN CERTIFICATE-----)')
  try {
    for (const certificate of certificates) new X509Certificate(certificate)
  } catch {
    return reject('the file contains a certificate that cannot be read; it must be PEM')
  }
  return certificates
})

/** Returns warnings about settings of email and certificates that are valid but probably wrong. */
export function mailWarnings(
  { smtpUrl, heloName: name }: { smtpUrl?: string | undefined; heloName: string },
  envFile = '.env',
): string[] {
  const warnings: string[] = []
  if (smtpUrl !== undefined) {
    const { protocol, port, hostname: host } = new URL(smtpUrl)
    if (protocol === 'smtp:' && port === '465')
      warnings.push(
        'SMTP_URL has port 465 and smtp://: that port usually speaks TLS at once, which is smtps://.',
      )
    if (protocol === 'smtps:' && (port === '587' || port === '25'))
      warnings.push(
        `SMTP_URL has port ${port} and smtps://: that port usually begins in the clear and upgrades to TLS, which is smtp://.`,
      )
    if (name === noName && !isLoopback(host))
      warnings.push(
        `SMTP_HELO_NAME is not set, and neither PUBLIC_URL nor this machine has a name with a dot: EHLO says ${noName}, which some mail servers refuse.`,
      )
  }
  if (setsNodesAuthorities(envFile))
    warnings.push(
      'NODE_EXTRA_CA_CERTS in .env is not read by every process, because Node.js reads it before .env: set SMTP_CA_FILE for the mail server, and sslrootcert in DATABASE_URL for the database.',
    )
  return warnings
}

function setsNodesAuthorities(envFile: string): boolean {
  try {
    return /^\s*(?:export\s+)?NODE_EXTRA_CA_CERTS[ \t]*=[ \t]*[^\s#]/m.test(readFileSync(envFile, 'utf8'))
  } catch {
    return false // .env does not exist or cannot be read
  }
}
