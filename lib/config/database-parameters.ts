// What stands after the `?` of a database URL. `pg` takes the parameters below and drops all others without a word.

const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** What `pg` uses, each with the values that it understands (node-postgres, pg-connection-string). */
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

/** What else to write, where a parameter that were dropped would lead to other tables, another server or less protection. */
const refused: Record<string, string> = {
  schema: 'take ?schema=… away (Prisma reads it, Rekey does not), and set DATABASE_SCHEMA',
  dbname: 'write the name of the database after the host instead of ?dbname=…',
  database: 'write the name of the database after the host instead of ?database=…',
  replication: 'take ?replication=… away: Rekey does not replicate',
  hostaddr: 'write the address in place of the host instead of ?hostaddr=…',
  service: 'write host, user and database into the URL: Rekey reads no ?service=…',
  passfile: 'write the password into the URL: Rekey reads no ?passfile=…',
  requirepeer: 'take ?requirepeer=… away: Rekey cannot check it',
  gssencmode: 'take ?gssencmode=… away: Rekey encrypts by TLS only; see sslmode',
}

/** What libpq, Prisma or a pooler know and Rekey can do without, with what to do about it. */
const ignored: Record<string, string> = {
  connection_limit: 'set DATABASE_POOL_SIZE instead',
  pool_timeout: 'Rekey waits 3 s for a connection',
  connect_timeout: 'Rekey waits 3 s for a connection',
  socket_timeout: 'use query_timeout, in milliseconds',
  pgbouncer: 'Rekey needs no parameter for a pooler',
  channel_binding: 'Rekey trusts the certificate (sslmode)',
  target_session_attrs: 'name the host that takes writes',
}

/**
 * What is wrong with the parameters of a database URL. Only names that are listed here are shown: of a password with a bare
 * `&`, a part stands where a name should.
 *
 * @param text the whole URL
 */
export function parameterProblem(text: string, parameters: URLSearchParams): string | undefined {
  if (/[?&](?:user|password)=[^&]*\+/.test(text)) return 'write a + in ?user=… and ?password=… as %2B'
  for (const [name, value] of parameters) {
    if (Object.hasOwn(refused, name)) return refused[name]
    if (!Object.hasOwn(used, name)) {
      if (/^ssl/i.test(name)) {
        return 'take away the parameter that begins with ssl and is none of sslmode, sslrootcert, sslcert, sslkey, sslnegotiation'
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
      return 'write one host: of several, Rekey would reach none'
    case 'client_encoding':
      return 'write client_encoding=UTF8, or take it away'
    default:
      return `write another value for its parameter ${name}, or take it away`
  }
}

/**
 * The parameters of a database URL that are not used, a sentence.
 *
 * @param setting its name
 * @returns no sentence where all are used
 */
export function ignoredParameters(setting: string, databaseUrl: string): string[] {
  const names = [...new URLSearchParams(databaseUrl.split('?')[1] ?? '').keys()]
  const unused = [...new Set(names.filter((name) => !Object.hasOwn(used, name)))]
  return unused.map((name) =>
    Object.hasOwn(ignored, name)
      ? `${setting}: its parameter ${name} is not used; ${ignored[name]}.`
      : `${setting}: it has a parameter that Rekey does not use; take it away.`,
  )
}
