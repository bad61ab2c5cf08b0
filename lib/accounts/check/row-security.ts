import type pg from 'pg'
import { tableKey, type UsersMapping } from '@/lib/accounts/users-table'
import type { Relation } from '@/lib/accounts/adapters/catalogue'
import { quotedTableName } from './grants'
import { tableUsesOf, type TableUse } from './table-uses'

type Policy = { table: string; command: string; isPermissive: boolean; allows: boolean }

/**
 * Returns a sentence for each table that lacks policies of row-level security, with the statements that create them. PostgreSQL hides
 * rows that no policy allows, without an error: sessions, for example, would not end. `role` is quoted.
 */
export async function rowSecurityProblems(
  client: Pick<pg.Client | pg.Pool, 'query'>,
  mapping: UsersMapping,
  catalogue: ReadonlyMap<string, Relation>,
  role: string,
): Promise<string[]> {
  const secured = tableUsesOf(mapping).filter(({ table }) => catalogue.get(tableKey(table))?.hasRowSecurity)
  if (secured.length === 0) return []
  const { rows: policies } = await (client as pg.Client).query<Policy>(
    `SELECT n.nspname || '.' || c.relname AS "table", p.polcmd AS "command", p.polpermissive AS "isPermissive",
            COALESCE(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
              AND COALESCE(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true' AS "allows"
       FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname || '.' || c.relname = ANY ($1)
        AND (p.polroles = '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) r WHERE pg_has_role(r, 'USAGE')))`,
    [secured.map(({ table }) => tableKey(table))],
  )
  return secured.flatMap((use) => {
    const ofTable = policies.filter(({ table }) => table === tableKey(use.table))
    const missing = commandsOf(use).filter((command) => !isAllowed(ofTable, command))
    if (missing.length === 0) return []
    const statements = missing.map(
      (command) =>
        `CREATE POLICY "rekey_${command.toLowerCase()}" ON ${quotedTableName(use.table)} FOR ${command} TO ${role} USING (true);`,
    )
    return [
      `Row-level security on ${tableKey(use.table)} hides rows from the role of DATABASE_URL; have its owner run: ${statements.join(' ')}`,
    ]
  })
}

function commandsOf({ columns, deletes, onlyLocked }: TableUse): string[] {
  const updates = onlyLocked === true || columns.some(({ isWritten }) => isWritten)
  return ['SELECT', ...(updates ? ['UPDATE'] : []), ...(deletes ? ['DELETE'] : [])]
}

/** The commands in `pg_policy.polcmd`, where `*` stands for all of them. */
const letters: Record<string, string> = { SELECT: 'r', UPDATE: 'w', DELETE: 'd' }

function isAllowed(policies: Policy[], command: string): boolean {
  const ofCommand = policies.filter((policy) => policy.command === '*' || policy.command === letters[command])
  return (
    ofCommand.some(({ isPermissive, allows }) => isPermissive && allows) &&
    ofCommand.every(({ isPermissive, allows }) => isPermissive || allows)
  )
}
