import pg from 'pg'
import { queueOwner } from '@/lib/queue/queue-state'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'

/**
 * Lists reasons why `migrate` would fail with these schemas, a sentence each.
 *
 * @param migrations the names of this version's migrations, the oldest first
 */
export async function migrationProblems(
  client: pg.Client,
  schemas: SchemaNames,
  migrations: string[],
  appRole?: string,
): Promise<string[]> {
  const facts = await readFacts(client, schemas, appRole)
  const problems = [schemas.own, schemas.queue].flatMap((name) => schemaProblems(facts, name))
  const recorded = (await recordedMigrations(client, schemas)).map(({ name }) => name)
  // If Rekey's first migration is recorded, the unknown ones belong to a newer version of Rekey.
  const isForeign = !recorded.includes(migrations[0]!) && recorded.some((name) => !migrations.includes(name))
  if (isForeign || (recorded.length === 0 && (await holdsTables(client, schemas))))
    problems.push(
      `The schema ${schemas.own} contains tables that are not Rekey's; set DATABASE_SCHEMA to a schema for Rekey alone.`,
    )
  if ((await queueOwner(client, schemas)) === 'another application')
    problems.push(
      `The schema ${schemas.queue} contains tables that are not the queue of this installation; set DATABASE_QUEUE_SCHEMA to a schema for it alone.`,
    )
  if (appRole !== undefined && !facts.appRoleExists)
    problems.push(`The role ${appRole} of DATABASE_URL does not exist; create it first.`)
  return problems
}

type Facts = {
  role: string
  mayCreateSchemas: boolean
  appRoleExists: boolean
  schemas: Map<string, { usable: boolean; foreignOwner: string | null }>
  /** The schemas' names that are SQL keywords: pg-boss does not quote the name of its schema. */
  keywords: Set<string>
}

async function readFacts(client: pg.Client, schemas: SchemaNames, appRole?: string): Promise<Facts> {
  const names = [schemas.own, schemas.queue]
  const { rows } = await client.query<{ role: string; may_create: boolean; app_role_exists: boolean }>(
    `SELECT current_user AS "role", has_database_privilege(current_database(), 'CREATE') AS "may_create",
            EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS "app_role_exists"`,
    [appRole ?? ''],
  )
  const { rows: found } = await client.query<{ name: string; usable: boolean; foreign_owner: string | null }>(
    `SELECT n.nspname AS "name",
            has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE') AS "usable",
            (SELECT min(pg_get_userbyid(c.relowner)) FROM pg_class c
              WHERE c.relnamespace = n.oid AND NOT pg_has_role(c.relowner, 'USAGE')) AS "foreign_owner"
       FROM pg_namespace n WHERE n.nspname = ANY ($1)`,
    [names],
  )
  const { rows: reserved } = await client.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name WHERE quote_ident(name) <> name`,
    [names],
  )
  const { role, may_create: mayCreateSchemas, app_role_exists: appRoleExists } = rows[0]!
  return {
    role,
    mayCreateSchemas,
    appRoleExists,
    schemas: new Map(
      found.map(({ name, usable, foreign_owner: foreignOwner }) => [name, { usable, foreignOwner }]),
    ),
    keywords: new Set(reserved.map(({ name }) => name)),
  }
}

function schemaProblems({ role, mayCreateSchemas, schemas, keywords }: Facts, name: string): string[] {
  if (keywords.has(name)) return [`The name ${name} is an SQL keyword; choose another name for the schema.`]
  const schema = schemas.get(name)
  const owner = pg.escapeIdentifier(role)
  if (schema === undefined) {
    if (mayCreateSchemas) return []
    return [
      `The role ${role} may not create the schema ${name}; have an administrator run: CREATE SCHEMA ${quoteSchema(name)} AUTHORIZATION ${owner};`,
    ]
  }
  if (!schema.usable)
    return [
      `The role ${role} may not create tables in the schema ${name}; have an administrator run: GRANT USAGE, CREATE ON SCHEMA ${quoteSchema(name)} TO ${owner};`,
    ]
  if (schema.foreignOwner !== null)
    return [
      `The role ${role} does not own all tables in the schema ${name}: ${schema.foreignOwner} owns some. Migrate with that role, or give them to ${role}.`,
    ]
  return []
}

/** Whether Rekey's schema contains tables, views or sequences besides `_prisma_migrations`. */
async function holdsTables(client: pg.Client, schemas: SchemaNames): Promise<boolean> {
  const { rows } = await client.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                       AND c.relname <> '_prisma_migrations') AS "some"`,
    [schemas.own],
  )
  return rows[0]?.some === true
}

/** Returns the table of recorded migrations, which has the format of `prisma migrate`. */
export const recordOf = ({ own }: SchemaNames) => `${quoteSchema(own)}."_prisma_migrations"`

type RecordedMigration = { name: string; checksum: string; isApplied: boolean }

/** Reads the recorded migrations; none if their table is missing or the role may not read it. */
export async function recordedMigrations(
  client: pg.Client,
  schemas: SchemaNames,
): Promise<RecordedMigration[]> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = '_prisma_migrations'
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')`,
    [schemas.own],
  )
  if (rowCount === 0) return []
  const { rows } = await client.query<RecordedMigration>(
    // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
    `SELECT "migration_name" AS "name", "checksum", "finished_at" IS NOT NULL AND "rolled_back_at" IS NULL AS "isApplied"
       FROM ${recordOf(schemas)}`,
  )
  return rows
}
