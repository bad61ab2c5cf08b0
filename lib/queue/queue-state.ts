import type pg from 'pg'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import { isDatabaseUnavailable } from '@/lib/database/errors'
import { queueNames } from './job-data'

/** The version of pg-boss's tables that this Rekey needs. It is repeated here, because pg-boss takes long to load. */
export const queueTablesVersion = 46

/** Returns the comment that marks pg-boss's table `version` as this installation's. */
export const ownerOf = ({ own }: SchemaNames) => `The queue of Rekey in the schema ${own}`

/** `rekey` means this installation. `another application` includes other installations of Rekey. */
export async function queueOwner(
  client: pg.Client,
  schemas: SchemaNames,
): Promise<'none' | 'rekey' | 'another application'> {
  const { rows } = await client.query<{ name: string; comment: string | null }>(
    `SELECT c.relname AS "name", obj_description(c.oid, 'pg_class') AS "comment"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schemas.queue],
  )
  if (rows.length === 0) return 'none'
  const version = rows.find(({ name }) => name === 'version')
  return version?.comment === ownerOf(schemas) ? 'rekey' : 'another application'
}

/** Whether this installation's queues exist, in the version that this Rekey needs. @throws if the database is unavailable */
export async function queueIsCurrent(client: pg.Client, schemas: SchemaNames): Promise<boolean> {
  if ((await queueOwner(client, schemas)) !== 'rekey') return false
  const schema = quoteSchema(schemas.queue)
  try {
    const { rows } = await client.query<{ version: number; queues: number }>(
      // eslint-disable-next-line no-restricted-syntax -- the schema's name is checked and quoted
      `SELECT "version", (SELECT count(*)::int FROM ${schema}."queue" WHERE "name" = ANY ($1)) AS "queues" FROM ${schema}."version"`,
      [queueNames],
    )
    return rows[0]?.version === queueTablesVersion && rows[0].queues === queueNames.length
  } catch (error) {
    if (isDatabaseUnavailable(error)) throw error
    return false
  }
}
