import type { Transaction } from '@/lib/database/pool'
import { tableKey, type TableName } from '@/lib/accounts/users-table'

type TypeFamily =
  'smallint' | 'integer' | 'bigint' | 'uuid' | 'text' | 'boolean' | 'timestamptz' | 'timestamp' | 'other'

export type Column = {
  /**
   * The type for a cast, such as `pg_catalog.varchar`. For a domain, its base type, because a cast to the domain fails for a value that the
   * domain's CHECK rejects.
   */
  type: string
  /** The type for messages: `character varying(128)`. */
  typeName: string
  family: TypeFamily
  /** In characters; null if the type does not limit them. */
  maxLength: number | null
  isNullable: boolean
  isGenerated: boolean
  /** False if PostgreSQL cannot update the column through a view. */
  isUpdatable: boolean
  maySelect: boolean
  mayUpdate: boolean
}

/** A relation, with the privileges of the connection's role. */
export type Relation = {
  kind: 'table' | 'view' | 'other'
  /** Quoted for SQL. */
  owner: string
  /** Whether row-level security applies to the connection's role. */
  hasRowSecurity: boolean
  hasSchemaUsage: boolean
  mayDelete: boolean
  isDeletable: boolean
  columns: Map<string, Column>
  /** The columns with a unique index on them alone, without a condition. */
  uniqueColumns: Set<string>
}

type Row = TableName &
  Omit<Relation, 'kind' | 'columns' | 'uniqueColumns'> &
  Omit<Column, 'family' | 'maxLength'> & {
    kind: string
    uniqueColumns: string[]
    column: string | null
    baseType: string
    typmod: number
  }

const families: Record<string, TypeFamily> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  uuid: 'uuid',
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  citext: 'text',
  bool: 'boolean',
  timestamptz: 'timestamptz',
  timestamp: 'timestamp',
}

/** The bit of DELETE in the result of `pg_relation_is_updatable`. */
const canDelete = 16

/**
 * Reads tables and views from PostgreSQL's catalogue; `information_schema` would hide tables on which the role has no privilege.
 * `pg_relation_is_updatable` and `pg_column_is_updatable` are not called for tables: they could wait for a lock on the table.
 *
 * @returns relations by `schema.name`, without those that do not exist
 */
export async function readCatalogue(
  client: Pick<Transaction, '$queryRaw'>,
  tables: readonly TableName[],
): Promise<Map<string, Relation>> {
  const rows = await client.$queryRaw<Row[]>`
     SELECT w."schema", w."name", c.relkind::text AS "kind", quote_ident(pg_get_userbyid(c.relowner)) AS "owner", row_security_active(c.oid) AS "hasRowSecurity",
            has_schema_privilege(n.oid, 'USAGE') AS "hasSchemaUsage", has_table_privilege(c.oid, 'DELETE') AS "mayDelete",
            CASE WHEN c.relkind IN ('r', 'p') THEN true ELSE pg_relation_is_updatable(c.oid, true) & ${canDelete} <> 0 END AS "isDeletable",
            ARRAY(SELECT k.attname::text FROM pg_catalog.pg_index i
                    JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
                   WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
                     AND i.indpred IS NULL) AS "uniqueColumns",
            a.attname::text AS "column", quote_ident(tn.nspname) || '.' || quote_ident(b.typname) AS "type",
            format_type(a.atttypid, a.atttypmod) AS "typeName", b.typname::text AS "baseType",
            CASE WHEN t.typtype = 'd' THEN d.typmod ELSE a.atttypmod END AS "typmod",
            NOT (a.attnotnull OR d."isNotNull") AS "isNullable",
            a.attgenerated <> '' OR a.attidentity = 'a' AS "isGenerated",
            CASE WHEN c.relkind IN ('r', 'p') THEN true ELSE pg_column_is_updatable(c.oid, a.attnum, true) END AS "isUpdatable",
            has_column_privilege(c.oid, a.attnum, 'SELECT') AS "maySelect",
            has_column_privilege(c.oid, a.attnum, 'UPDATE') AS "mayUpdate"
       FROM jsonb_to_recordset(${JSON.stringify(tables)}::jsonb) AS w("schema" text, "name" text)
       JOIN pg_catalog.pg_namespace n ON n.nspname = w."schema"
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w."name"
       LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
       LEFT JOIN LATERAL (
         -- The type of the column. For each type that is a domain, also the type that the domain is based on.
         WITH RECURSIVE below AS (
           SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull
           UNION ALL
           SELECT n.oid, n.typtype, n.typbasetype, n.typtypmod, n.typnotnull
             FROM below JOIN pg_catalog.pg_type n ON below.typtype = 'd' AND n.oid = below.typbasetype)
         SELECT max(oid) FILTER (WHERE typtype <> 'd') AS base, max(typtypmod) AS typmod, bool_or(typnotnull) AS "isNotNull"
           FROM below) d ON true
       LEFT JOIN pg_catalog.pg_type b ON b.oid = d.base
       LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = b.typnamespace`
  const relations = new Map<string, Relation>()
  for (const row of rows) {
    const key = tableKey(row)
    const relation = relations.get(key) ?? {
      kind: kindOf(row.kind),
      owner: row.owner,
      hasRowSecurity: row.hasRowSecurity,
      hasSchemaUsage: row.hasSchemaUsage,
      mayDelete: row.mayDelete,
      isDeletable: row.isDeletable,
      columns: new Map<string, Column>(),
      uniqueColumns: new Set(row.uniqueColumns),
    }
    relations.set(key, relation)
    if (row.column !== null) relation.columns.set(row.column, columnOf(row))
  }
  return relations
}

function kindOf(relkind: string): Relation['kind'] {
  if (relkind === 'r' || relkind === 'p') return 'table'
  return relkind === 'v' ? 'view' : 'other'
}

function columnOf(row: Row): Column {
  const { type, typeName, baseType, typmod, isNullable, isGenerated, isUpdatable, maySelect, mayUpdate } = row
  const family = families[baseType] ?? 'other'
  // The type modifier is the length plus four, the size of a header in bytes; -1 stands for no limit.
  const maxLength = ['varchar', 'bpchar'].includes(baseType) && typmod > 4 ? typmod - 4 : null
  return { type, typeName, family, maxLength, isNullable, isGenerated, isUpdatable, maySelect, mayUpdate }
}
