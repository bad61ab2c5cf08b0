import pg from 'pg'
import { tableKey, type UsersMapping } from '@/lib/accounts/users-table'
import type { Relation } from '@/lib/accounts/adapters/catalogue'
import { tableUsesOf, type TableUse } from './table-uses'

/** Lists the statements that grant a role its privileges on the tables of a mapping (ASVS 13.2.2). @param role quoted */
export function usersGrantStatements(
  mapping: UsersMapping,
  catalogue: ReadonlyMap<string, Relation>,
  role: string,
): string[] {
  const uses = tableUsesOf(mapping).filter(
    ({ table, ifPresent }) => !ifPresent || catalogue.has(tableKey(table)),
  )
  const schemas = [...new Set(uses.map(({ table }) => table.schema))]
  return [
    `GRANT USAGE ON SCHEMA ${schemas.map(pg.escapeIdentifier).join(', ')} TO ${role};`,
    ...uses.map(
      (use) =>
        `GRANT ${privileges(use, catalogue.get(tableKey(use.table))).join(', ')} ON ${quotedTableName(use.table)} TO ${role};`,
    ),
  ]
}

function privileges(use: TableUse, relation?: Relation): string[] {
  const list = (columns: string[]) => [...new Set(columns)].map(pg.escapeIdentifier).join(', ')
  const written = columnsNeedingUpdate(use, relation)
  return [
    `SELECT (${list(columnsNeedingSelect(use))})`,
    ...(written.length > 0 ? [`UPDATE (${list(written)})`] : []),
    ...(use.deletes ? ['DELETE'] : []),
  ]
}

/** Lists the columns on which Rekey needs SELECT. Those of the mapping's `set` are only written. */
export function columnsNeedingSelect({ columns }: TableUse): string[] {
  return columns.filter(({ option }) => option !== 'set').map(({ column }) => column)
}

/** Lists the columns on which Rekey needs UPDATE. To lock rows, one is enough: if possible, one that does not affect who may sign in. */
export function columnsNeedingUpdate({ columns, onlyLocked }: TableUse, relation?: Relation): string[] {
  const written = columns.filter(({ isWritten }) => isWritten).map(({ column }) => column)
  if (written.length > 0 || !onlyLocked) return written
  const named = new Map(columns.map(({ option, column }) => [column, option]))
  const all = [...(relation?.columns.keys() ?? named.keys())]
  const harmless = (column: string) =>
    ['name', 'locale', 'firstName', 'lastName'].includes(named.get(column) ?? '')
  const updated = all.find((column) => /^updated_?at$/i.test(column))
  return [updated ?? all.find(harmless) ?? columns[0]!.column]
}

/**
 * Returns the SQL of an optional trigger that revokes an account's links when its email address or a column of `active` changes. Without
 * it, a link is valid again if such a change is undone before the link expires.
 *
 * @param owner the owner of the users table, quoted
 */
export function revokeLinksTriggerSql(
  mapping: UsersMapping,
  identity: string,
  ownSchema: string,
  owner: string,
): string {
  const use = tableUsesOf(mapping)[0]!
  const escape = pg.escapeIdentifier
  const watched = [
    mapping.email,
    ...use.columns.filter(({ option }) => option === 'active').map(({ column }) => column),
  ]
  const changed = [...new Set(watched)]
    .map((column) => `OLD.${escape(column)} IS DISTINCT FROM NEW.${escape(column)}`)
    .join(' OR ')
  const name = `${escape(ownSchema)}.${escape(`revoke_links_${identity.replace('.', '_')}`.slice(0, 63))}`
  return `-- As the role that migrates Rekey:
CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF ${changed} THEN
    INSERT INTO ${escape(ownSchema)}."recovery" AS r ("users_table", "account_id", "links_epoch")
    VALUES (${pg.escapeLiteral(identity)}, NEW.${escape(mapping.id)}::text, 1)
    ON CONFLICT ("users_table", "account_id") DO UPDATE SET "links_epoch" = r."links_epoch" + 1, "updated_at" = now();
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION ${name}() FROM PUBLIC;
GRANT USAGE ON SCHEMA ${escape(ownSchema)} TO ${owner};
GRANT EXECUTE ON FUNCTION ${name}() TO ${owner};
-- As ${owner}, who owns the table:
CREATE TRIGGER "rekey_revoke_links" AFTER UPDATE ON ${quotedTableName(use.table)}
  FOR EACH ROW EXECUTE FUNCTION ${name}();`
}

export function quotedTableName({ schema, name }: TableUse['table']): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
}
