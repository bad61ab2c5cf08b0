import type pg from 'pg'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'

/** The least privileges that the app needs on Rekey's tables (ASVS 13.2.2). */
const tablePrivileges: Record<string, string[]> = {
  _prisma_migrations: ['SELECT'],
  users: ['SELECT', 'INSERT', 'UPDATE'],
  recovery: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  limits: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  audit: ['SELECT', 'INSERT'],
  mail_state: ['SELECT', 'UPDATE'],
  proven_mapping: ['SELECT', 'INSERT'],
  metrics: ['SELECT', 'INSERT', 'UPDATE'],
  metric_processes: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
}

/** `name`: undefined for the schema itself, or for all objects of this kind in it. */
type Grant = {
  privileges: string[]
  kind: 'SCHEMA' | 'TABLE' | 'SEQUENCE' | 'FUNCTION'
  schema: string
  name?: string
}

function appGrants({ own, queue }: SchemaNames, ownsUsers: boolean): Grant[] {
  const tables = Object.entries(tablePrivileges).filter(([table]) => ownsUsers || table !== 'users')
  return [
    ...[own, queue].map((schema): Grant => ({ privileges: ['USAGE'], kind: 'SCHEMA', schema })),
    ...tables.map(([name, privileges]): Grant => ({ privileges, kind: 'TABLE', schema: own, name })),
    { privileges: ['EXECUTE'], kind: 'FUNCTION', schema: own, name: 'purge_audit' },
    { privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], kind: 'TABLE', schema: queue },
    { privileges: ['USAGE'], kind: 'SEQUENCE', schema: queue },
    { privileges: ['EXECUTE'], kind: 'FUNCTION', schema: queue },
  ]
}

/** Returns the GRANT statements for the app's role, whose name must be quoted for SQL. The objects must exist. */
export function appGrantStatements(role: string, schemas: SchemaNames, ownsUsers: boolean): string[] {
  return appGrants(schemas, ownsUsers).map(
    (grant) => `GRANT ${grant.privileges.join(', ')} ON ${objectsOf(grant)} TO ${role}`,
  )
}

function objectsOf({ kind, schema, name }: Grant): string {
  if (kind === 'SCHEMA') return `SCHEMA ${quoteSchema(schema)}`
  if (name === undefined) return `ALL ${kind}S IN SCHEMA ${quoteSchema(schema)}`
  return `${kind} ${quoteSchema(schema)}."${name}"`
}

/** Lists the privileges on existing objects that the connection's role lacks, such as `INSERT on rekey.audit`. */
export async function lackingPrivileges(
  client: pg.Client,
  schemas: SchemaNames,
  ownsUsers: boolean,
): Promise<string[]> {
  const { rows } = await client.query<{ lacking: string }>(
    `WITH "objects" AS (
       SELECT 'SCHEMA' AS "kind", oid, nspname AS "schema", nspname AS "name", nspname::text AS "shown" FROM pg_namespace
        UNION ALL
       SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid, nspname, relname, nspname || '.' || relname
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'S')
        UNION ALL
       SELECT 'FUNCTION', p.oid, nspname, proname, nspname || '.' || proname
         FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE prokind <> 'p'
     )
     SELECT "privilege" || ' on ' || "shown" AS "lacking"
       FROM jsonb_to_recordset($1::jsonb) AS g("privileges" text[], "kind" text, "schema" text, "name" text)
       JOIN "objects" o ON o."kind" = g."kind" AND o."schema" = g."schema" AND o."name" = COALESCE(g."name", o."name")
      CROSS JOIN unnest(g."privileges") "privilege"
      WHERE NOT CASE o."kind" WHEN 'SCHEMA' THEN has_schema_privilege(oid, "privilege")
                              WHEN 'TABLE' THEN has_table_privilege(oid, "privilege")
                              WHEN 'SEQUENCE' THEN has_sequence_privilege(oid, "privilege")
                              ELSE has_function_privilege(oid, "privilege") END
      ORDER BY o."kind" = 'SCHEMA' DESC, "lacking"`,
    [JSON.stringify(appGrants(schemas, ownsUsers))],
  )
  return rows.map(({ lacking }) => lacking)
}
