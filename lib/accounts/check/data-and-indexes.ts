import pg from 'pg'
import { performance } from 'node:perf_hooks'
import type { Account } from '@/lib/accounts/account'
import { LookUpTimedOut, type AccountStore } from '@/lib/accounts/account-store'
import { identityOf, parseTableName, tableKey, type UsersMapping } from '@/lib/accounts/users-table'
import type { Relation } from '@/lib/accounts/adapters/catalogue'
import { createEmailIndexSql, emailIndexExpressions } from '@/lib/accounts/email-index'
import { quotedTableName } from './grants'
import { tableUsesOf, type TableUse } from './table-uses'

const sampleSize = 1000

/** Milliseconds. A slower look-up is reported as a problem. */
const slowestLookUp = 2000

/** The fewest rows of a table whose missing index is reported. */
const large = 10_000

type Query = Pick<pg.Client | pg.Pool, 'query'>

/** Problems, which prevent a start, and warnings; a sentence each. */
type CheckFindings = { problems: string[]; warnings: string[] }

/** Checks a mapping against a sample of accounts, the time of a look-up, indexes, and known tables of tokens. */
export async function checkDataAndIndexes(
  client: Query,
  mapping: UsersMapping,
  catalogue: ReadonlyMap<string, Relation>,
  accounts: Pick<AccountStore, 'findIdsByEmail' | 'sample'>,
): Promise<CheckFindings> {
  const sample = await accounts.sample(sampleSize)
  const findings = [
    checkHashes(sample),
    checkCase(sample, mapping),
    await checkLookUp(client, mapping, accounts),
    await checkJoins(client, mapping, catalogue),
    await checkTokens(client, mapping, catalogue),
  ]
  return {
    problems: findings.flatMap(({ problems }) => problems),
    warnings: findings.flatMap(({ warnings }) => warnings),
  }
}

function checkHashes(accounts: readonly Account[]): CheckFindings {
  const hashes = accounts.filter(({ passwordProblem }) => passwordProblem !== 'none')
  const unknown = hashes.filter(({ passwordProblem }) => passwordProblem === 'unknown-format')
  if (unknown.length === 0) return { problems: [], warnings: [] }
  const counts = Object.entries(
    Object.groupBy(unknown, ({ passwordHash }) => schemeOf(passwordHash ?? '')),
  ).map(([scheme, ofScheme]) => `${ofScheme!.length} ${scheme}`)
  const sentence = `users.password: of ${hashes.length} stored hashes looked at, ${unknown.length} are in no format of the mapping (${counts.join(', ')}); these accounts cannot be reset.`
  return unknown.length === hashes.length
    ? { problems: [`${sentence} Correct password.format.`], warnings: [] }
    : { problems: [], warnings: [`${sentence} Add their formats to password.accepts if they sign in.`] }
}

/** The beginnings of stored values that a message may quote. Any other beginning could be a salt or a password in the clear. */
const knownScheme =
  /^(?:\$(?:2[abxy]|argon2(?:id|i|d)|[156y]|P|H|wp|scrypt|pbkdf2-sha\d+)\$|(?:pbkdf2_sha\d+|argon2|bcrypt(?:_sha256)?|scrypt|md5|sha1)\$|\{[A-Z0-9-]{2,12}\})/i

function schemeOf(hash: string): string {
  const [scheme] = knownScheme.exec(hash) ?? []
  return scheme === undefined ? `of ${hash.length} characters` : `that begin with ${scheme}`
}

function checkCase(accounts: readonly Account[], mapping: UsersMapping): CheckFindings {
  const hasCapitals = (field: 'email' | 'username') =>
    accounts.some((account) => /[A-Z]/.test(account[field]))
  const problemOf = (option: string, column: string) =>
    `users.${option} is 'lowercase', and ${mapping.table}.${column} has capitals: those accounts would not be found. Leave it out.`
  return {
    problems: [
      ...(mapping.emailStored === 'lowercase' && hasCapitals('email')
        ? [problemOf('emailStored', mapping.email)]
        : []),
      ...(mapping.usernameStored === 'lowercase' && mapping.username !== undefined && hasCapitals('username')
        ? [problemOf('usernameStored', mapping.username)]
        : []),
    ],
    warnings: [],
  }
}

async function checkLookUp(
  client: Query,
  mapping: UsersMapping,
  accounts: Pick<AccountStore, 'findIdsByEmail'>,
): Promise<CheckFindings> {
  const index = createEmailIndexSql(mapping)
  const start = performance.now()
  try {
    // An address with an international domain is looked up in several spellings.
    await accounts.findIdsByEmail('nobody@\u00fcbung.invalid')
  } catch (error) {
    if (error instanceof LookUpTimedOut) return { problems: [error.message], warnings: [] }
    const reason = error instanceof Error ? error.message : String(error)
    return {
      problems: [`A look-up in ${mapping.table} failed (${reason.split('\n')[0]}).`],
      warnings: [],
    }
  }
  const took = performance.now() - start
  if (took > slowestLookUp)
    return {
      problems: [
        `A look-up of an address in ${mapping.table} took ${Math.round(took / 100) / 10} seconds; have the table's owner run: ${index}`,
      ],
      warnings: [],
    }
  const warnings: string[] = []
  const warn = async (what: string, expressions: string[], statement: string) => {
    const { rows, isIndexed } = await indexState(client, mapping.table, expressions)
    if (!isIndexed && rows >= large)
      warnings.push(
        `A look-up of ${what} reads all of about ${rows} rows of ${mapping.table}; an index makes it fast: ${statement}`,
      )
  }
  await warn('an address', emailIndexExpressions(mapping), index)
  const { username } = mapping
  if (username !== undefined)
    await warn(
      'a username',
      [username, pg.escapeIdentifier(username)],
      `CREATE INDEX CONCURRENTLY ON ${quotedTableName(parseTableName(mapping.table))} (${pg.escapeIdentifier(username)});`,
    )
  return { problems: [], warnings }
}

/**
 * Reports large tables without an index on the column that names the account. In the table of hashes, this is a problem: if only look-ups
 * that find an account are slow, the delay of later emails could reveal which requests named accounts.
 */
async function checkJoins(
  client: Query,
  mapping: UsersMapping,
  catalogue: ReadonlyMap<string, Relation>,
): Promise<CheckFindings> {
  const found: CheckFindings = { problems: [], warnings: [] }
  const { password, end = [] } = mapping
  const joins = [
    ...(password.in ? [{ ...password.in, kind: 'problems' as const, option: 'password.in.user' }] : []),
    ...end.map((rows) => ({ ...rows, kind: 'warnings' as const, option: 'end.user' })),
  ]
  for (const { table, user, kind, option } of joins) {
    if (catalogue.get(identityOf({ table }))?.kind !== 'table') continue
    const quoted = pg.escapeIdentifier(user)
    const { rows, isIndexed } = await indexState(client, table, [user, quoted])
    if (isIndexed || rows < large) continue
    found[kind].push(
      `users.${option}: ${table} has about ${rows} rows and no index on ${user}; have its owner run: CREATE INDEX CONCURRENTLY ON ${quotedTableName(parseTableName(table))} (${quoted});`,
    )
  }
  return found
}

/** Estimates a table's rows, and finds out whether an index begins with one of the expressions. A view counts as indexed. */
async function indexState(client: Query, table: string, expressions: string[]) {
  const { schema, name } = parseTableName(table)
  const { rows } = await (client as pg.Client).query<{ rows: number; isIndexed: boolean }>(
    `SELECT GREATEST(c.reltuples, 0)::float8 AS "rows", EXISTS (
              SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
                AND pg_get_indexdef(i.indexrelid, 1, true) = ANY ($3)) AS "isIndexed"
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`,
    [schema, name, expressions],
  )
  const [state] = rows
  return { rows: Math.round(state?.rows ?? 0), isIndexed: state?.isIndexed ?? true }
}

/** Tables whose tokens or sessions may stay valid after a change of the password, each with the software that creates it. */
const tokenTables: Record<string, string> = {
  oauth_access_tokens: 'Laravel Passport or Doorkeeper',
  oauth2_provider_accesstoken: 'django-oauth-toolkit',
  token_blacklist_outstandingtoken: 'simplejwt',
  authtoken_token: 'Django REST framework',
  knox_authtoken: 'knox',
  personal_access_tokens: 'Laravel Sanctum',
  sessions: 'the product',
  session: 'the product',
}

async function checkTokens(
  client: Query,
  mapping: UsersMapping,
  catalogue: ReadonlyMap<string, Relation>,
): Promise<CheckFindings> {
  const { schema } = parseTableName(mapping.table)
  const ended = new Set(
    tableUsesOf(mapping)
      .filter((use: TableUse) => use.deletes && catalogue.has(tableKey(use.table)))
      .map(({ table }) => tableKey(table)),
  )
  const { rows } = await (client as pg.Client).query<{ name: string }>(
    `SELECT c.relname::text AS "name" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p') ORDER BY 1`,
    [schema, Object.keys(tokenTables)],
  )
  return {
    problems: [],
    warnings: rows
      .filter(({ name }) => !ended.has(`${schema}.${name}`))
      .map(
        ({ name }) =>
          `A reset ends nothing in ${schema}.${name} (${tokenTables[name]}): add it to users.end, or end these tokens in passwordChanged.`,
      ),
  }
}
