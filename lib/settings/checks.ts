import { z } from 'zod'
import { readMailbox } from '../email-address'
import { schemaName } from '../schema-names'

// What kinds of values settings have. Each check's message says what to write.

const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const

function secondsOf(text: string): number {
  return Number(text.slice(0, -1)) * secondsPerUnit[text.at(-1) as keyof typeof secondsPerUnit]
}

/** Ten years. PostgreSQL's calendar does not reach as far back as the longest time that could be written. */
const longest = 3650 * 86_400

/** A length of time such as `90s`, `15m`, `1h`, `180d`; in seconds. */
export const duration = z
  .string()
  .regex(/^[1-9]\d{0,6}[smhd]$/, 'write a whole number and a unit, such as 90s, 15m, 1h or 180d')
  .transform(secondsOf)
  .refine((seconds) => seconds <= longest, 'write 3650d at most')

/** A count per length of time such as `30/10m`. */
export const limit = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,6}[smhd]$/, 'write a count and a length of time, such as 30/10m')
  .transform((text) => {
    const [count = '', time = ''] = text.split('/')
    return { count: Number(count), seconds: secondsOf(time) }
  })
  .refine(({ seconds }) => seconds <= longest, 'write 3650d at most')

export const onOff = (yes: string, no: string) =>
  z.enum([yes, no], { error: `write ${yes} or ${no}` }).transform((text) => text === yes)

export const flag = onOff('true', 'false')

export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `write a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `write a whole number from ${min} to ${max}`)

export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)

/** One line of text a mail header or a page may carry. */
export const line = z.string().regex(/^[^\p{Cc}\u2028\u2029]+$/u, 'write one line of text')

/** Line ends are refused by themselves: the URL parser would drop them and read on. */
const url = z.string().refine((text) => URL.canParse(text) && !/[\p{Cc}\u2028\u2029]/u.test(text), {
  error: 'write an absolute URL, such as https://id.example.com',
  abort: true,
})

/**
 * Whether the name never leaves this machine, so that nobody listens on the way to it.
 *
 * @param hostname an IPv6 address with or without brackets
 */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    hostname === '::1' ||
    // Four numbers, as the URL parser writes every IPv4 address: 127.example.com is somebody's host.
    /^127(\.\d+){3}$/.test(hostname)
  )
}

/** An http(s) URL that a letter or a page may send people to: https, or http on this machine only (ASVS 12.2.1). */
export const webAddress = url.refine((text) => {
  const { protocol, hostname, username, password, hash } = new URL(text)
  const safe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  return safe && username === '' && password === '' && hash === ''
}, 'use https (http only for localhost), without user name, password or fragment')

export const origin = webAddress.refine((text) => {
  const { pathname, search } = new URL(text)
  return pathname === '/' && search === ''
}, 'write scheme and host only, such as https://id.example.com')

export const postgres = url.refine(
  (text) => /^postgres(ql)?:$/.test(new URL(text).protocol),
  'write a PostgreSQL URL, such as postgresql://rekey:…@db.example.com/rekey',
)

/** A schema that Rekey has to itself. */
export const schema = z
  .string()
  .regex(
    schemaName,
    'write the name of a schema for Rekey alone: lower-case letters, digits and _, such as rekey',
  )

/** What the mailer takes: checked here too, so that a start tells it and not a worker's end. */
export const mailAddress = z
  .string()
  .refine(
    (text) => /^(?:[^<>"@]+ <[^<>]+>|[^<>\s]+)$/.test(text) && readMailbox(text) !== null,
    'write one address, such as no-reply@example.com or Example <no-reply@example.com>',
  )

/** Where to report a weakness, as the URI that security.txt wants (RFC 9116 §2.5.3). */
export const securityContact = z.union(
  [
    webAddress.transform((text) => new URL(text).href),
    mailAddress.regex(/^[^<>\s]+$/).transform((address) => `mailto:${encodeURI(address)}`),
  ],
  { error: 'write an address or a page, such as security@example.com or https://example.com/security' },
)

export const smtp = url.refine((text) => {
  const { protocol, hostname, searchParams, pathname } = new URL(text)
  const known = [...searchParams].every(([name, value]) => name === 'ignoreTLS' && value === 'true')
  return /^smtps?:$/.test(protocol) && hostname !== '' && known && (pathname === '' || pathname === '/')
}, 'write smtp://user:password@host:587 (STARTTLS), smtps://… (TLS), or smtp://…?ignoreTLS=true (neither)')

/** Values that stand in documents and templates, so that everybody knows them. */
const sample =
  /change.?me|example|sample|secret|password|placeholder|insecure|django|your.?key|x{6}|1234567|abcdefg/i

export const secretKey = z
  .string()
  .min(32, 'use at least 32 characters; `openssl rand -base64 48` makes a good one')
  .refine(
    (key) => new Set(key).size >= 12,
    'too regular to be random; `openssl rand -base64 48` makes a good one',
  )
  .refine(
    (key) => !key.includes(',') && key === key.trim(),
    'use no comma and no white space around it: in SECRET_KEY_FALLBACKS, commas part the keys',
  )
  .refine((key) => !sample.test(key), 'looks like a sample value; `openssl rand -base64 48` makes a good one')

/** What opens an address to a monitor, sent as `Authorization: Bearer …` (RFC 6750 §2.1). */
export const bearerToken = secretKey.regex(
  /^[A-Za-z0-9._~+/-]+=*$/,
  'use letters, digits and . _ ~ + / - only; `openssl rand -base64 48` makes a good one',
)
