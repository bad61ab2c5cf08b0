import pg from 'pg'
import { openConnection } from '@/lib/database/connection'
import { connectionFailureReason } from '@/lib/database/errors'
import { databaseProblems, databaseWarnings, readDatabaseFacts } from '@/lib/database/facts'
import { monitoringConnections } from '@/lib/database/pool'
import { pendingMigrations } from './migrate'
import { lackingPrivileges } from './privileges'
import { checkUsersTable } from './users-table'
import { queueConnections } from '@/lib/queue/queue'
import { queueOwner } from '@/lib/queue/queue-state'
import type { UsersMapping } from '@/lib/accounts/users-table'
import type { Settings } from '@/lib/config/settings'
import { isLoopback } from '@/lib/addresses/loopback'
import { describeDatabaseUrl } from '@/lib/config/database-url'

/**
 * Verifies that Rekey can work with the database and with a mapped users table.
 *
 * @param users undefined for Rekey's own table
 * @returns warnings, a sentence each
 * @throws Error with the problems of the first check that fails
 */
export async function checkDatabase(settings: Settings, users?: UsersMapping): Promise<string[]> {
  const warnings = await checkAllButMappedUsers(settings, users === undefined)
  return users === undefined ? warnings : [...warnings, ...(await checkUsersTable(settings, users))]
}

/** Verifies what {@link checkDatabase} does, except for a mapped users table. */
export async function checkAllButMappedUsers(settings: Settings, ownsUsers: boolean): Promise<string[]> {
  const { url, schemas } = settings.database
  let client: pg.Client
  try {
    client = await openConnection(url)
  } catch (error) {
    throw new Error(
      `The database at ${describeDatabaseUrl(url)} does not answer (${connectionFailureReason(error)}).`,
    )
  }
  try {
    const facts = await readDatabaseFacts(client)
    const problems = databaseProblems(facts)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    if ((await queueOwner(client, schemas)) === 'another application')
      throw new Error(
        `The schema ${schemas.queue} contains tables that are not the queue of this installation; set DATABASE_QUEUE_SCHEMA to the one that \`npm run migrate\` created.`,
      )
    // Before the migrations, because without the privileges these cannot be read.
    const lacking = await lackingPrivileges(client, schemas, ownsUsers)
    if (lacking.length > 0) throw new Error(notAllowed(lacking))
    const pending = await pendingMigrations(client, schemas, ownsUsers)
    if (pending.length > 0)
      throw new Error(
        `The database lacks ${pending.length} migration(s) in the schema ${schemas.own}, the first is ${pending[0]}; run \`npm run migrate\`.`,
      )
    return [...databaseWarnings(facts, wantedConnections(settings)), ...encryptionWarnings(url)]
  } finally {
    await client.end()
  }
}

function notAllowed(privileges: string[]): string {
  const [first, second, ...rest] = privileges
  const named = [first, second, ...(rest.length > 0 ? [`${rest.length} more`] : [])]
    .filter(Boolean)
    .join(', ')
  return `The role of DATABASE_URL lacks privileges (${named}); run \`npm run migrate\` with MIGRATION_DATABASE_URL, which grants them.`
}

/** Counts the connections that the web processes and the worker may open. */
function wantedConnections({ database, webConcurrency, worker }: Settings): number {
  return (
    webConcurrency * (database.poolSize + monitoringConnections) +
    (worker ? database.poolSize + queueConnections : 0)
  )
}

/** Warns if a connection to another machine lacks TLS or a check of the certificate (ASVS 12.3.1). */
export function encryptionWarnings(databaseUrl: string): string[] {
  const { host, ssl } = new pg.Client({ connectionString: databaseUrl })
  if (host.startsWith('/') || isLoopback(host.toLowerCase())) return []
  const { rejectUnauthorized } = Object(ssl) as { rejectUnauthorized?: boolean }
  if (ssl && rejectUnauthorized !== false) return []
  return [
    `The database at ${describeDatabaseUrl(databaseUrl)} is reached ${ssl ? 'without a check of its certificate' : 'without TLS'}: anyone on the network in between can read and change accounts. Add sslmode=verify-full to its URL.`,
  ]
}
