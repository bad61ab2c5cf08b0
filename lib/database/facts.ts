import type pg from 'pg'

type DatabaseFacts = {
  version: number
  encoding: string
  readOnly: boolean
  maxConnections: number
  synchronousCommit: string
  conformingStrings: string
}

/** Reads the version and settings that the checks below need. */
export async function readDatabaseFacts(client: pg.Client): Promise<DatabaseFacts> {
  const { rows } = await client.query<DatabaseFacts>(
    `SELECT current_setting('server_version_num')::int AS "version",
            current_setting('server_encoding') AS "encoding",
            current_setting('transaction_read_only') = 'on' AS "readOnly",
            current_setting('max_connections')::int AS "maxConnections",
            current_setting('synchronous_commit') AS "synchronousCommit",
            current_setting('standard_conforming_strings') AS "conformingStrings"`,
  )
  return rows[0]!
}

/** Lists reasons why Rekey cannot use this database, a sentence each. */
export function databaseProblems(facts: DatabaseFacts): string[] {
  const { version, encoding, readOnly, conformingStrings } = facts
  const problems: string[] = []
  if (version < 130_000)
    problems.push(`The database is PostgreSQL ${Math.floor(version / 10_000)}; Rekey needs 13 or newer.`)
  if (encoding !== 'UTF8')
    problems.push(
      `The database's encoding is ${encoding}, which cannot store every name and address; Rekey needs a database created with ENCODING 'UTF8'.`,
    )
  if (readOnly)
    problems.push(
      'The database is read-only: it is a replica, or default_transaction_read_only is on for it or for the role; Rekey needs to write.',
    )
  if (conformingStrings !== 'on')
    problems.push(
      'The setting standard_conforming_strings is off; turn it on for the role: ALTER ROLE … SET standard_conforming_strings = on.',
    )
  return problems
}

/** Lists warnings about the database's settings, a sentence each. */
export function databaseWarnings(facts: DatabaseFacts, wantedConnections: number): string[] {
  const { maxConnections, synchronousCommit } = facts
  const warnings: string[] = []
  if (wantedConnections > maxConnections)
    warnings.push(
      `This start may open ${wantedConnections} connections and the database accepts ${maxConnections}: lower DATABASE_POOL_SIZE or WEB_CONCURRENCY, or raise max_connections.`,
    )
  if (synchronousCommit === 'off')
    warnings.push(
      'The database has synchronous_commit=off: a crash may lose accepted requests and completed resets. Turn it on for the role: ALTER ROLE … SET synchronous_commit = on.',
    )
  return warnings
}
