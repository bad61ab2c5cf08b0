import pg from 'pg'
import type { UsersTable } from '@/lib/accounts/users-table'
import type { Relation } from '@/lib/accounts/adapters/catalogue'
import { usesOf, type TableUse } from './needed-columns'

/**
 * The statements that give a role exactly what Rekey needs of the tables of a mapping (ASVS 13.2.2).
 *
 * @param catalogue what exists: tables that may be missing and are get no grant
 * @param role quoted
 */
export function grantsFor(
  mapping: UsersTable,
  catalogue: ReadonlyMap<string, Relation>,
  role: string,
): string[] {
  const uses = usesOf(mapping).filter(({ table, ifPresent }) => !ifPresent || catalogue.has(keyOf(table)))
  const schemas = [...new Set(uses.map(({ table }) => table.schema))]
  return [
    `GRANT USAGE ON SCHEMA ${schemas.map(pg.escapeIdentifier).join(', ')} TO ${role};`,
    ...uses.map(
      (use) =>
        `GRANT ${privileges(use, catalogue.get(keyOf(use.table))).join(', ')} ON ${quotedName(use.table)} TO ${role};`,
    ),
  ]
}

/** What Rekey does with a table, as privileges on columns and on the whole. */
function privileges(use: TableUse, relation?: Relation): string[] {
  const list = (columns: string[]) => [...new Set(columns)].map(pg.escapeIdentifier).join(', ')
  const read = use.columns.map(({ column }) => column)
  const written = writtenColumns(use, relation)
  return [
    `SELECT (${list(read)})`,
    ...(written.length > 0 ? [`UPDATE (${list(written)})`] : []),
    ...(use.deletes ? ['DELETE'] : []),
  ]
}

/**
 * The columns that need UPDATE. To lock a row takes it on any one column: the time of the last update, where there is one, else
 * a column that nothing refers to.
 */
export function writtenColumns({ columns, onlyLocked }: TableUse, relation?: Relation): string[] {
  const written = columns.filter(({ isWritten }) => isWritten).map(({ column }) => column)
  if (written.length > 0 || !onlyLocked) return written
  const updated = [...(relation?.columns.keys() ?? [])].find((column) => /^updated_?at$/i.test(column))
  const harmless = columns.findLast(({ option }) =>
    ['createdAt', 'name', 'locale', 'firstName'].includes(option),
  )
  return [updated ?? (harmless ?? columns[0]!).column]
}

/** The optional trigger: it revokes links also when an address or a status is changed and put back within a link's life. */
export function revokingTrigger(mapping: UsersTable, identity: string, ownSchema: string): string {
  const use = usesOf(mapping)[0]!
  const escape = pg.escapeIdentifier
  const watched = [
    mapping.email,
    ...use.columns.filter(({ option }) => option === 'active').map(({ column }) => column),
  ]
  const changed = [...new Set(watched)]
    .map((column) => `OLD.${escape(column)} IS DISTINCT FROM NEW.${escape(column)}`)
    .join(' OR ')
  const name = `${escape(ownSchema)}."revoke_links_of_${use.table.name.replaceAll('"', '""')}"`
  return `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER "rekey_revoke_links" AFTER UPDATE ON ${quotedName(use.table)}
  FOR EACH ROW EXECUTE FUNCTION ${name}();`
}

export function quotedName({ schema, name }: TableUse['table']): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
}

export function keyOf({ schema, name }: TableUse['table']): string {
  return `${schema}.${name}`
}
