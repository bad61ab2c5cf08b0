import { z } from 'zod'
import { mailtoUri, parseAddressWithOptionalName } from '@/lib/addresses/email-address'
import { isLoopback } from '@/lib/addresses/loopback'
import { schemaNamePattern } from './schema-names'
import { rawValueProblem } from './raw-value'
import { ambiguousUrlAdvice } from './server-url'

const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const

function secondsOf(text: string): number {
  return Number(text.slice(0, -1)) * secondsPerUnit[text.at(-1) as keyof typeof secondsPerUnit]
}

/** Seconds. PostgreSQL cannot subtract 9,999,999 days, which the patterns allow, from today. */
const longest = 3650 * 86_400

/** Parses a length of time into seconds. */
export const duration = z
  .string()
  .regex(/^[1-9]\d{0,6}[smhd]$/, 'write a whole number and a unit, such as 90s, 15m, 1h or 180d')
  .transform(secondsOf)
  .refine((seconds) => seconds <= longest, 'write 3650d at most')

export const rateLimit = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,6}[smhd]$/, 'write a count and a length of time, such as 30/10m')
  .transform((text) => {
    const [count = '', time = ''] = text.split('/')
    return { count: Number(count), seconds: secondsOf(time) }
  })
  .refine(({ seconds }) => seconds <= longest, 'write 3650d at most')

/** Parses `yes` into true and `no` into false. */
export const onOff = (yes: string, no: string) =>
  z.enum([yes, no], { error: `write ${yes} or ${no}` }).transform((text) => text === yes)

export const trueOrFalse = onOff('true', 'false')

export const integerBetween = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `write a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `write a whole number from ${min} to ${max}`)

export const commaSeparated = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .refine((items) => items.every((item) => rawValueProblem(item) === undefined), {
    error: 'write its items without quotes, such as one,two',
    abort: true,
  })

/** Any text. `rawValueProblem` rejects line ends in settings, so the text is safe in a mail header. */
export const singleLine = z.string()

const url = z.string().refine((text) => URL.canParse(text), {
  error: 'write an absolute URL, such as https://id.example.com',
  abort: true,
})

/** Requires https, except for this machine (ASVS 12.2.1). */
export const httpsOrLocalUrl = url.refine(
  (text) => isSafeUrl(text) && !text.includes('#'),
  'use https (http only for localhost), without user name, password or fragment',
)

/** The route of a hash router: `#/reset/`, `#!/reset/` (AngularJS). */
const route = /^#!?\/(?:[A-Za-z0-9._~!$*+:@/-]|%[0-9A-Fa-f]{2})*$/

/** A link's parameters are appended to the route, so `?`, `&`, `=` or another `#` in the route would be ambiguous. */
export const routedUrl = url.refine((text) => {
  const hash = text.indexOf('#')
  return isSafeUrl(text) && (hash < 0 || route.test(text.slice(hash)))
}, 'use https (http only for localhost), without user name or password; a fragment may only be a route, such as #/reset/')

function isSafeUrl(text: string): boolean {
  const { protocol, hostname, username, password } = new URL(text)
  const safe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  return safe && username === '' && password === ''
}

export const origin = httpsOrLocalUrl.refine(
  (text) => new URL(text).pathname === '/' && !text.includes('?'),
  'write scheme and host only, such as https://id.example.com',
)

/**
 * The pattern inspects the text itself, because the URL parser would resolve `..` first. No segment starts with a dot or an underscore,
 * because `/.well-known` belongs to the origin and `/_next` to Next.
 */
export const publicBaseUrl = httpsOrLocalUrl.refine(
  (text) => /^https?:\/\/[^/\\?#]+(?:\/[A-Za-z0-9~-][A-Za-z0-9._~-]*)*\/?$/i.test(text),
  'write scheme and host, and a plain path if other apps share the host, such as https://id.example.com or https://example.com/account',
)

/** Has no `?`, because a path segment is appended. */
export const baseUrl = httpsOrLocalUrl.refine(
  (text) => !text.includes('?'),
  'write it without a query, such as https://range.example.com/range/',
)

export const databaseSchema = z
  .string()
  .regex(
    schemaNamePattern,
    'write the name of a schema for Rekey alone: lower-case letters, digits and _, such as rekey',
  )

/** An email address, with or without a name. */
export const emailAddress = z
  .string()
  .refine(
    (text) => /^(?:[^<>"@]+ <[^<>]+>|[^<>\s]+)$/.test(text) && parseAddressWithOptionalName(text) !== null,
    'write one address, such as no-reply@example.com or Example <no-reply@example.com>',
  )

/** Parses an email address or a URL into a URI, as security.txt requires (RFC 9116 §2.5.3). */
export const securityContact = z.union(
  [
    httpsOrLocalUrl.transform((text) => new URL(text).href),
    emailAddress.regex(/^[^<>\s]+$/).transform(mailtoUri),
  ],
  { error: 'write an address or a page, such as security@example.com or https://example.com/security' },
)

const smtpExample =
  'write smtp://user:password@host:587 (STARTTLS), smtps://… (TLS), or smtp://…?ignoreTLS=true (neither)'

export const smtpUrl = z.string().superRefine((text, context) => {
  const message = /^smtps?:\/\//i.test(text) ? (ambiguousUrlAdvice(text) ?? smtpProblem(text)) : smtpExample
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

function smtpProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return smtpExample
  const { protocol, hostname, searchParams, pathname } = new URL(text)
  const known = [...searchParams].every(([name, value]) => name === 'ignoreTLS' && value === 'true')
  const consistent = searchParams.size === 0 || protocol === 'smtp:'
  const isServer = hostname !== '' && (pathname === '' || pathname === '/')
  return isServer && known && consistent ? undefined : smtpExample
}

/** Parts of sample keys, which attackers try first. */
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
  .refine((key) => !/^[“”„‘’‚«].*[“”‘’»]$/u.test(key), 'write it without quotes')

/** A token for `Authorization: Bearer …` (RFC 6750 §2.1). */
export const bearerToken = secretKey.regex(
  /^[A-Za-z0-9._~+/-]+=*$/,
  'use letters, digits and . _ ~ + / - only; `openssl rand -base64 48` makes a good one',
)
