import { z } from 'zod'
import { databaseParameterProblem } from './database-parameters'
import { ambiguousUrlAdvice, encodingAdvice } from './server-url'

const example = 'write a PostgreSQL URL, such as postgresql://rekey:PASSWORD@db.example.com/rekey'

/**
 * Parses a database URL as `pg` does. The host may be missing after a user name. The parameters `user`, `password`, `host` and
 * `port` override the same parts of the URL (libpq, "Connection URIs").
 *
 * @returns undefined if the text is not a PostgreSQL URL or is ambiguous. `host` is a name, an IP address or the directory of a
 *   socket; empty if the URL has none. `pathname` is a slash and the name of the database, percent-encoded; may be empty
 */
export function parseDatabaseUrl(text: string) {
  const whole = text.replace('@/', '@localhost/')
  if (
    !/^postgres(?:ql)?:\/\//i.test(text) ||
    ambiguousUrlAdvice(text) !== undefined ||
    !URL.canParse(whole)
  ) {
    return undefined
  }
  const { username, password, hostname, port, pathname, searchParams: parameters } = new URL(whole)
  return {
    user: parameters.get('user') || decodeURIComponent(username),
    password: parameters.get('password') || decodeURIComponent(password),
    host: parameters.get('host') || (whole === text ? decodeURIComponent(hostname) : ''),
    port: parameters.get('port') || port,
    pathname,
    parameters,
  }
}

/**
 * Describes a database for messages by host, port and name, without user and password.
 *
 * @param setting the name of the setting that contains the URL; shown instead if the URL has no host or cannot be parsed, or if a
 *   part of the password could be mistaken for the host
 */
export function describeDatabaseUrl(databaseUrl: string, setting = 'DATABASE_URL'): string {
  const parsed = parseDatabaseUrl(databaseUrl)
  const isPlain = databaseUrl.split('@').length <= 2 && !parsed?.parameters.has('password')
  if (parsed === undefined || parsed.host === '' || !isPlain) return `the address in ${setting}`
  const { host, port, pathname } = parsed
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${name}${port && !host.startsWith('/') ? `:${port}` : ''}${pathname}`
}

/** A PostgreSQL URL that is unambiguous and has no parameter that Rekey refuses (database-parameters.ts). */
export const postgresUrl = z.string().superRefine((text, context) => {
  const message = databaseUrlProblem(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** Says what is wrong with a database URL. Does not quote the URL, because it may contain a password. */
function databaseUrlProblem(text: string): string | undefined {
  if (!/^postgres(?:ql)?:\/\//i.test(text)) return example
  const unclear = ambiguousUrlAdvice(text)
  if (unclear !== undefined) return unclear
  const parsed = parseDatabaseUrl(text)
  if (parsed === undefined) return `${example}; ${encodingAdvice}`
  if (decodeURI(parsed.pathname) !== decodeURIComponent(parsed.pathname)) {
    return 'write ; : , & = + $ in the name of the database as they are; it cannot contain / ? # @'
  }
  return databaseParameterProblem(text, parsed.parameters)
}
