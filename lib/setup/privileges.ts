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

const purgeAudit = '"purge_audit"(INTERVAL)'

function neededPrivileges(ownsUsers: boolean): [table: string, privileges: string[]][] {
  return Object.entries(tablePrivileges).filter(([table]) => ownsUsers || table !== 'users')
}

/** Returns the GRANT statements for the app's role, whose name must be quoted for SQL. The tables must exist. */
export function appGrantStatements(role: string, schemas: SchemaNames, ownsUsers: boolean): string[] {
  const [own, queue] = [quoteSchema(schemas.own), quoteSchema(schemas.queue)]
  return [
    `GRANT USAGE ON SCHEMA ${own}, ${queue} TO ${role}`,
    ...neededPrivileges(ownsUsers).map(
      ([table, privileges]) => `GRANT ${privileges.join(', ')} ON ${own}."${table}" TO ${role}`,
    ),
    `GRANT EXECUTE ON FUNCTION ${own}.${purgeAudit} TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${queue} TO ${role}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${queue} TO ${role}`,
    `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${queue} TO ${role}`,
  ]
}

/** Lists Rekey's schemas that exist but may not be used by the connection's role. */
export async function schemasWithoutUsage(client: pg.Client, { own, queue }: SchemaNames): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname AS "name" FROM pg_namespace WHERE nspname = ANY ($1) AND NOT has_schema_privilege(oid, 'USAGE')`,
    [[own, queue]],
  )
  return rows.map(({ name }) => name)
}

/** Lists the privileges on tables that the connection's role lacks, such as `INSERT on rekey.audit`. The tables must exist. */
export async function lackingPrivileges(
  client: pg.Client,
  { own, queue }: SchemaNames,
  ownsUsers: boolean,
): Promise<string[]> {
  const wanted = neededPrivileges(ownsUsers).flatMap(([table, privileges]) =>
    privileges.map((privilege) => ({
      name: `${own}.${table}`,
      table: `${quoteSchema(own)}."${table}"`,
      privilege,
    })),
  )
  const { rows } = await client.query<{ name: string; privilege: string }>(
    `SELECT w."name", w."privilege" FROM jsonb_to_recordset($1::jsonb) AS w("name" text, "table" text, "privilege" text)
      WHERE NOT has_table_privilege(w."table", w."privilege")
      UNION ALL
     SELECT $2 || '.' || c.relname, p FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
      WHERE n.nspname = $2 AND c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, p)`,
    [JSON.stringify(wanted), queue],
  )
  return rows.map(({ name, privilege }) => `${privilege} on ${name}`)
}
