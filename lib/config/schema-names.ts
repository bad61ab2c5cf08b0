/** The two schemas that Rekey has to itself in a database that other applications may use too. */
export type Schemas = {
  /** Rekey's tables, and the record of its migrations. */
  own: string
  /** The job queue's tables. */
  queue: string
}

export const defaultSchemas: Schemas = { own: 'rekey', queue: 'rekey_queue' }

/** What such a schema may be called: a plain name that is neither PostgreSQL's own nor the one that everybody uses. */
export const schemaName = /^(?!pg_|public$|information_schema$)[a-z][a-z0-9_]{0,39}$/

/**
 * A schema's name as SQL has it.
 *
 * @throws Error when it is none that {@link schemaName} allows, so that no text becomes SQL by this way
 */
export function quoted(schema: string): string {
  if (!schemaName.test(schema)) throw new Error('This is no name for a schema of Rekey.')
  return `"${schema}"`
}
