import { z } from 'zod'
import { databaseParameterProblem } from './database-parameters'
import { ambiguousUrlAdvice, encodingAdvice } from './server-url'

const example = 'write a PostgreSQL URL, such as postgresql://rekey:PASSWORD@db.example.com/rekey'

/**
 * Parses a database URL. The parameters `user`, `password`, `host` and `port` override the same parts (libpq, "Connection URIs").
 *
 * @returns undefined for a malformed or ambiguous URL. `host` may be the directory of a socket, or empty; `pathname` is percent-encoded
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

/** Describes a database without its password: by host, port and name or, if the host is missing or doubtful, by the setting's name. */
export function describeDatabaseUrl(databaseUrl: string, setting = 'DATABASE_URL'): string {
  const parsed = parseDatabaseUrl(databaseUrl)
  const isPlain = databaseUrl.split('@').length <= 2 && !parsed?.parameters.has('password')
  if (parsed === undefined || parsed.host === '' || !isPlain) return `the address in ${setting}`
  const { host, port, pathname } = parsed
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${name}${port && !host.startsWith('/') ? `:${port}` : ''}${pathname}`
}

export const postgresUrl = z.string().superRefine((text, context) => {
  const message = databaseUrlProblem(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** Returns what to write instead. Does not quote the URL, because it may contain a password. */
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
