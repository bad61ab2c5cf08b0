import { z } from 'zod'
import { parameterProblem } from './database-parameters'
import { ambiguity, encodingAdvice } from './server-url'

const example = 'write a PostgreSQL URL, such as postgresql://rekey:PASSWORD@db.example.com/rekey'

/**
 * Reads a database URL as `pg` does: a host may be missing after a user name, and a parameter `host` or `port` wins
 * (libpq, "Connection URIs").
 *
 * @returns undefined where it is no PostgreSQL URL or can be read in more than one way. `host` is a name, an address or the
 *   directory of a socket; it is empty where the URL has none
 */
export function readDatabaseUrl(text: string) {
  const whole = text.replace('@/', '@localhost/')
  if (!/^postgres(?:ql)?:\/\//i.test(text) || ambiguity(text) !== undefined || !URL.canParse(whole)) {
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
 * A database URL for messages: host, port and name, never user, password or other parameters. Where a part of the password
 * could be taken for the host, it is the setting's name instead.
 *
 * @param setting the name of the setting that the URL comes from
 */
export function withoutSecrets(databaseUrl: string, setting = 'DATABASE_URL'): string {
  const address = readDatabaseUrl(databaseUrl)
  const isPlain = databaseUrl.split('@').length <= 2 && !address?.parameters.has('password')
  if (address === undefined || address.host === '' || !isPlain) return `the address in ${setting}`
  const { host, port, pathname } = address
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${name}${port && !host.startsWith('/') ? `:${port}` : ''}${pathname}`
}

/** The URL of a database, with what `pg` uses of it and nothing that it would drop without a word. */
export const postgres = z.string().superRefine((text, context) => {
  const message = databaseUrlProblem(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** What is wrong with a database URL, without any part of it. */
function databaseUrlProblem(text: string): string | undefined {
  if (!/^postgres(?:ql)?:\/\//i.test(text)) return example
  const unclear = ambiguity(text)
  if (unclear !== undefined) return unclear
  const address = readDatabaseUrl(text)
  if (address === undefined) return `${example}; ${encodingAdvice}`
  if (decodeURI(address.pathname) !== decodeURIComponent(address.pathname)) {
    return 'write ; : , & = + $ in the name of the database as they are; / ? # @ cannot stand in it'
  }
  return parameterProblem(text, address.parameters)
}
