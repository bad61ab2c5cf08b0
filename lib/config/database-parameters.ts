// `pg` silently ignores query parameters that it does not know.

const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** Parameters that `pg` uses, each with the values that Rekey accepts. */
const used: Record<string, RegExp> = {
  host: /^[^,]+$/,
  port: /^\d{1,5}$/,
  user: /./,
  password: /./,
  sslmode: new RegExp(`^(?:${sslModes.join('|')})$`),
  ssl: /^(?:true|1|0|no-verify)$/,
  sslcert: /./,
  sslkey: /./,
  sslrootcert: /./,
  sslnegotiation: /^(?:postgres|direct)$/,
  uselibpqcompat: /^(?:true|false)$/,
  options: /./,
  application_name: /./,
  fallback_application_name: /./,
  client_encoding: /^utf-?8$/i,
  statement_timeout: /^\d+$/,
  lock_timeout: /^\d+$/,
  idle_in_transaction_session_timeout: /^\d+$/,
  query_timeout: /^\d+$/,
}

/** Parameters that are rejected, each with advice. Ignoring most of them could mean other tables, another server or less protection. */
const refused: Record<string, string> = {
  schema: 'remove ?schema=… (Prisma reads it, Rekey does not), and set DATABASE_SCHEMA',
  dbname: 'write the name of the database after the host instead of ?dbname=…',
  database: 'write the name of the database after the host instead of ?database=…',
  replication: 'remove ?replication=…: Rekey does not replicate',
  hostaddr: 'write the address in place of the host instead of ?hostaddr=…',
  service: 'write host, user and database into the URL: Rekey reads no ?service=…',
  passfile: 'write the password into the URL: Rekey reads no ?passfile=…',
  requirepeer: 'remove ?requirepeer=…: Rekey cannot check it',
  gssencmode: 'remove ?gssencmode=…: Rekey encrypts by TLS only; see sslmode',
}

/** Parameters of libpq or Prisma that are safe to ignore, each with the end of its warning. */
const ignored: Record<string, string> = {
  connection_limit: 'set DATABASE_POOL_SIZE instead',
  pool_timeout: 'Rekey waits 3 s for a connection',
  connect_timeout: 'Rekey waits 3 s for a connection',
  socket_timeout: 'use query_timeout, in milliseconds',
  pgbouncer: 'Rekey needs no parameter for a pooler',
  channel_binding: 'Rekey trusts the certificate (sslmode)',
  target_session_attrs: 'name the host that accepts writes',
}

/**
 * Finds a wrong parameter of a database URL.
 *
 * @returns what to write instead, without names of unknown parameters: an unescaped `&` makes a part of a password look like a name
 */
export function databaseParameterProblem(text: string, parameters: URLSearchParams): string | undefined {
  if (/[?&](?:user|password)=[^&]*\+/.test(text)) return 'write a + in ?user=… and ?password=… as %2B'
  for (const [name, value] of parameters) {
    if (Object.hasOwn(refused, name)) return refused[name]
    if (!Object.hasOwn(used, name)) {
      if (/^ssl/i.test(name)) {
        return 'remove the ssl… parameter that is not sslmode, sslrootcert, sslcert, sslkey or sslnegotiation'
      }
      continue
    }
    if (parameters.getAll(name).length > 1) return `write ${name}=… once`
    if (!used[name]!.test(value)) return adviceOn(name)
  }
  return undefined
}

function adviceOn(name: string): string {
  switch (name) {
    case 'sslmode':
      return 'write sslmode=verify-full (or no-verify, which checks no certificate, or disable)'
    case 'ssl':
      return 'write sslmode=verify-full or sslmode=disable instead of ssl=…'
    case 'host':
      return 'write one host: Rekey cannot connect to a list of hosts'
    case 'client_encoding':
      return 'write client_encoding=UTF8, or remove it'
    default:
      return `write another value for its parameter ${name}, or remove it`
  }
}

/** Returns a warning for each parameter without effect. `setting` is the name of the setting with the URL. */
export function ignoredParameters(setting: string, databaseUrl: string): string[] {
  const names = [...new URLSearchParams(databaseUrl.replace(/^[^?]*/, '')).keys()]
  const unused = [...new Set(names.filter((name) => !Object.hasOwn(used, name)))]
  return unused.map((name) =>
    Object.hasOwn(ignored, name)
      ? `${setting}: its parameter ${name} is not used; ${ignored[name]}.`
      : `${setting}: it has a parameter that Rekey does not use; remove it.`,
  )
}
