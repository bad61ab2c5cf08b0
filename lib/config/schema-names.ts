/** The two schemas that only Rekey uses; the database may contain schemas of other applications. */
export type SchemaNames = {
  /** Rekey's tables, and the record of its migrations. */
  own: string
  /** The job queue's tables. */
  queue: string
}

export const defaultSchemaNames: SchemaNames = { own: 'rekey', queue: 'rekey_queue' }

/** Matches a letter, then at most 39 letters, digits or `_`, all lower-case. Excludes PostgreSQL's names and `public`, which is shared. */
export const schemaNamePattern = /^(?!pg_|public$|information_schema$)[a-z][a-z0-9_]{0,39}$/

/** Quotes the name of a schema for SQL. @throws Error if it does not match {@link schemaNamePattern}, so that it cannot inject SQL */
export function quoteSchema(schema: string): string {
  if (!schemaNamePattern.test(schema)) throw new Error('Invalid schema name.')
  return `"${schema}"`
}
