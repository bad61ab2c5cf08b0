import { checkDataAndIndexes } from '@/lib/accounts/check/data-and-indexes'
import { mappingProblems } from '@/lib/accounts/check/columns'
import { readCatalogue, type Relation } from '@/lib/accounts/adapters/catalogue'
import { passwordMappingFingerprint } from '@/lib/accounts/check/fingerprint'
import { tableUsesOf } from '@/lib/accounts/check/table-uses'
import { rowSecurityProblems } from '@/lib/accounts/check/row-security'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { unsetOptionProblems } from '@/lib/accounts/check/unset-options'
import { tableKey, type UsersMapping } from '@/lib/accounts/users-table'
import { quoteSchema } from '@/lib/config/schema-names'
import type { Settings } from '@/lib/config/settings'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createLog } from '@/lib/logging/log'

export type UsersTableReport = {
  problems: string[]
  warnings: string[]
  /** Empty if an option of the mapping has no value. */
  catalogue: ReadonlyMap<string, Relation>
  /** Quoted for SQL. */
  role: string
  /** Whether a known password was verified with this mapping. False, too, if problems ended the inspection early. */
  isProven: boolean
}

/** Compares the users mapping with PostgreSQL's catalogue and a sample of the accounts. */
export async function inspectUsersTable(
  database: Pick<Database, 'pool' | 'queries' | 'names' | 'schemas' | 'transaction'>,
  mapping: UsersMapping,
): Promise<UsersTableReport> {
  const { pool, schemas } = database
  const role = await roleOf(database)
  const none = { warnings: [], catalogue: new Map<string, Relation>(), role, isProven: false }
  const empty = unsetOptionProblems(mapping)
  if (empty.length > 0) return { ...none, problems: empty }

  const catalogue = await readCatalogue(
    database.queries,
    tableUsesOf(mapping).map(({ table }) => table),
  )
  const problems = [
    ...mappingProblems(mapping, catalogue, role),
    ...(await rowSecurityProblems(pool, mapping, catalogue, role)),
  ]
  if (problems.length > 0) return { ...none, catalogue, problems }
  const found = await checkDataAndIndexes(pool, mapping, catalogue, createSqlAccountStore(database, mapping))
  const { rowCount } = await pool.query(
    // eslint-disable-next-line no-restricted-syntax -- the schema's name is checked and quoted
    `SELECT FROM ${quoteSchema(schemas.own)}."proven_mapping" WHERE "fingerprint" = $1`,
    [passwordMappingFingerprint(mapping)],
  )
  return { ...found, catalogue, role, isProven: rowCount === 1 }
}

/** Stores that a known password was verified with this mapping. */
export async function storeMappingProof(
  { pool, schemas }: Pick<Database, 'pool' | 'schemas'>,
  mapping: UsersMapping,
) {
  await pool.query(
    // eslint-disable-next-line no-restricted-syntax -- the schema's name is checked and quoted
    `INSERT INTO ${quoteSchema(schemas.own)}."proven_mapping" ("fingerprint") VALUES ($1) ON CONFLICT DO NOTHING`,
    [passwordMappingFingerprint(mapping)],
  )
}

/**
 * Verifies that Rekey can work with the mapped users table. In production, unless USERS_TABLE_PROOF is `waived`, a known password must
 * have been verified: with a wrong pepper or format, resets would seem to work, but people could not sign in.
 *
 * @returns warnings, a sentence each
 * @throws Error with a sentence for each problem
 */
export async function checkUsersTable(
  { database: settings, mode, usersTableProof }: Pick<Settings, 'database' | 'mode' | 'usersTableProof'>,
  mapping: UsersMapping,
): Promise<string[]> {
  const database = openDatabase({ ...settings, poolSize: 1 }, createLog('fatal', 'check'))
  try {
    const { problems, warnings, isProven } = await inspectUsersTable(database, mapping)
    if (problems.length === 0 && mode === 'production' && usersTableProof === 'required' && !isProven)
      problems.push(
        `No password has been verified with this mapping of ${tableKey(tableUsesOf(mapping)[0]!.table)}. Set a password in your own application, then run \`npm run accounts -- check LOGIN --password-stdin\` and type it. (USERS_TABLE_PROOF=waived starts without.)`,
      )
    if (problems.length > 0)
      throw new Error(
        [
          'Rekey cannot work with the users table of rekey.config.ts.',
          ...problems.map((one) => `  - ${one}`),
        ].join('\n'),
      )
    return warnings
  } finally {
    await database.close()
  }
}

async function roleOf({ pool }: Pick<Database, 'pool'>): Promise<string> {
  const { rows } = await pool.query<{ role: string }>('SELECT quote_ident(current_user) AS "role"')
  return rows[0]!.role
}
