import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { installQueue, queueIsCurrent } from './queue'

/** The advisory lock that `prisma migrate` takes too, so that the two never run at once. */
const lockKey = 72_707_369

const table = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`

type Migration = { name: string; sql: string; checksum: string }

/** The migrations that this version brings, in the order in which they apply. */
function readMigrations(): Migration[] {
  const dir = path.resolve('prisma/migrations')
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const sql = readFileSync(path.join(dir, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    })
}

/**
 * The names of what `migrate` would still have to do.
 *
 * @throws Error when an applied migration was edited afterwards
 */
export async function pendingMigrations(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS "exists"`,
  )
  const applied = rows[0]?.exists === true ? await appliedMigrations(client) : new Map<string, string>()
  const pending = readMigrations()
    .filter((migration) => !isApplied(migration, applied))
    .map(({ name }) => name)
  if (!(await queueIsCurrent(client))) pending.push('the queue')
  return pending
}

/**
 * Brings the database up to this version: every migration in a transaction of its own under an advisory lock, then the
 * queue's schema. Safe to run from several machines at once, and again at any time.
 *
 * @param url a role that may change the schema
 * @param appRole the role that the app runs under, where that is another one
 * @returns the names of the migrations applied now
 * @throws Error with one sentence when a migration fails; what it did is rolled back
 */
export async function migrate(url: string, appRole?: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  const done: string[] = []
  try {
    for (const migration of readMigrations()) {
      if (await apply(client, migration)) done.push(migration.name)
    }
  } finally {
    await client.end()
  }
  await installQueue(url)
  if (appRole !== undefined) await grantTo(url, appRole)
  return done
}

/**
 * What the app may do where it runs under a role of its own: read and write rows, add to the audit log, never change
 * the schema (ASVS 13.2.2).
 */
async function grantTo(url: string, role: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  const name = client.escapeIdentifier(role)
  const { rows } = await client.query<{ schema: string }>('SELECT current_schema() AS "schema"')
  const schema = client.escapeIdentifier(rows[0]!.schema)
  try {
    // eslint-disable-next-line no-restricted-syntax -- GRANT takes no parameters; both names are escaped above
    await client.query(`BEGIN;
      GRANT USAGE ON SCHEMA ${schema}, pgboss TO ${name};
      GRANT SELECT ON "_prisma_migrations" TO ${name};
      GRANT SELECT, INSERT, UPDATE ON "users", "rekey_recovery" TO ${name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON "rekey_limits" TO ${name};
      GRANT SELECT, INSERT ON "rekey_audit" TO ${name};
      GRANT EXECUTE ON FUNCTION "rekey_purge_audit" TO ${name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO ${name};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA pgboss TO ${name};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgboss TO ${name};
      COMMIT`)
  } finally {
    await client.end()
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<boolean> {
  await client.query('BEGIN')
  try {
    // A lock of the transaction, not of the session: on the embedded database all clients share one session.
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey])
    await client.query(table)
    const missing = !isApplied(migration, await appliedMigrations(client))
    if (missing) {
      await client.query(migration.sql)
      await client.query(
        `INSERT INTO "_prisma_migrations" ("id", "checksum", "finished_at", "migration_name", "applied_steps_count")
         VALUES ($1, $2, now(), $3, 1)`,
        [randomUUID(), migration.checksum, migration.name],
      )
    }
    await client.query('COMMIT')
    return missing
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The migration ${migration.name} failed and was rolled back: ${reason}`)
  }
}

async function appliedMigrations(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    `SELECT "migration_name", "checksum" FROM "_prisma_migrations" WHERE "finished_at" IS NOT NULL AND "rolled_back_at" IS NULL`,
  )
  return new Map(rows.map((row) => [row.migration_name, row.checksum]))
}

function isApplied(migration: Migration, applied: Map<string, string>): boolean {
  const checksum = applied.get(migration.name)
  if (checksum === undefined) return false
  if (checksum !== migration.checksum) {
    throw new Error(
      `The migration ${migration.name} was edited after it was applied; restore the file and add a new migration.`,
    )
  }
  return true
}
