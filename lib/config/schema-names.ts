/** The database schemas of Rekey's tables and of its job queue. */
export type SchemaNames = {
  own: string
  queue: string
}

export const defaultSchemaNames: SchemaNames = { own: 'rekey', queue: 'rekey_queue' }

export function databaseSchemaNames(values: {
  DATABASE_SCHEMA: string
  DATABASE_QUEUE_SCHEMA?: string | undefined
}): SchemaNames {
  const own = values.DATABASE_SCHEMA
  return { own, queue: values.DATABASE_QUEUE_SCHEMA ?? `${own}_queue` }
}

/** Excludes PostgreSQL's names, and `public`, which other applications may use. */
export const schemaNamePattern = /^(?!pg_|public$|information_schema$)[a-z][a-z0-9_]{0,39}$/

/** @throws Error if the name does not match {@link schemaNamePattern}, so that it cannot inject SQL */
export function quoteSchema(schema: string): string {
  if (!schemaNamePattern.test(schema)) throw new Error('Invalid schema name.')
  return `"${schema}"`
}
