import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type pg from 'pg'
import { openConnection } from '@/lib/database/connection'
import { databaseProblems, readDatabaseFacts } from '@/lib/database/facts'
import { migrationProblems, recordedMigrations, recordOf } from './migration-checks'
import { appGrantStatements } from './privileges'
import { queueIsCurrent } from '@/lib/queue/queue-state'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'

const createRecord = (schemas: SchemaNames) => `CREATE TABLE IF NOT EXISTS ${recordOf(schemas)} (
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

/** Matches the migration of Rekey's own table of accounts. */
const usersMigration = /_users$/

function readMigrations(ownsUsers: boolean): Migration[] {
  const dir = path.resolve('prisma/migrations')
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .filter((name) => ownsUsers || !usersMigration.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(path.join(dir, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    })
}

/** Lists unapplied migrations, and `the queue` if it is not current. @throws Error if an applied migration was edited */
export async function pendingMigrations(
  client: pg.Client,
  schemas: SchemaNames,
  ownsUsers: boolean,
): Promise<string[]> {
  const applied = await appliedMigrations(client, schemas)
  const pending = readMigrations(ownsUsers)
    .filter((migration) => !isApplied(migration, applied))
    .map(({ name }) => name)
  if (!(await queueIsCurrent(client, schemas))) pending.push('the queue')
  return pending
}

/**
 * Updates the database to this version, and grants privileges. Several machines may run it at once.
 *
 * @param appRole the role of DATABASE_URL, if it differs from the role of `url`
 * @returns the names of the migrations that this call applied
 * @throws Error if a check fails, before any change, or if a migration fails or was edited; earlier migrations stay applied
 */
export async function migrate(
  { url, schemas }: { url: string; schemas: SchemaNames },
  { appRole, ownsUsers = true }: { appRole?: string | undefined; ownsUsers?: boolean } = {},
): Promise<string[]> {
  const client = await openConnection(url)
  const done: string[] = []
  try {
    const migrations = readMigrations(ownsUsers)
    const names = readMigrations(true).map(({ name }) => name)
    const problems = [
      ...databaseProblems(await readDatabaseFacts(client)),
      ...(await migrationProblems(client, schemas, names, appRole)),
    ]
    if (problems.length > 0) throw new Error(['The database was not changed.', ...problems].join('\n'))
    await createSchemas(client, schemas)
    for (const migration of migrations) {
      if (await apply(client, schemas, migration)) done.push(migration.name)
    }
    // Not imported above: each start of Rekey imports this file, and pg-boss takes long to load.
    const { installQueue } = await import('@/lib/queue/install-queue')
    await installQueue(url, schemas)
    if (appRole !== undefined) await grantTo(client, schemas, appRole, ownsUsers)
  } finally {
    await client.end()
  }
  return done
}

/** Looks for missing schemas under the lock: otherwise two concurrent runs could both find one missing. */
async function createSchemas(client: pg.Client, schemas: SchemaNames): Promise<void> {
  await inTransaction(client, schemas, async () => {
    for (const schema of [schemas.own, schemas.queue]) {
      const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
      // eslint-disable-next-line no-restricted-syntax -- CREATE SCHEMA takes no parameters; the name is checked and quoted
      if (rowCount === 0) await client.query(`CREATE SCHEMA ${quoteSchema(schema)}`)
    }
  })
}

async function grantTo(
  client: pg.Client,
  schemas: SchemaNames,
  role: string,
  ownsUsers: boolean,
): Promise<void> {
  await inTransaction(client, schemas, async () => {
    for (const grant of appGrantStatements(client.escapeIdentifier(role), schemas, ownsUsers))
      await client.query(grant)
  })
}

/** @returns false if the migration was applied before */
async function apply(client: pg.Client, schemas: SchemaNames, migration: Migration): Promise<boolean> {
  return inTransaction(client, schemas, async () => {
    await client.query(createRecord(schemas))
    if (isApplied(migration, await appliedMigrations(client, schemas))) return false
    try {
      await client.query(migration.sql.replaceAll('"rekey"', quoteSchema(schemas.own)))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`The migration ${migration.name} failed and was rolled back: ${reason}`)
    }
    await client.query(
      // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
      `INSERT INTO ${recordOf(schemas)} ("id", "checksum", "finished_at", "migration_name", "applied_steps_count")
       VALUES ($1, $2, now(), $3, 1)`,
      [randomUUID(), migration.checksum, migration.name],
    )
    return true
  })
}

/** Runs work under a lock of the transaction: behind a pooler, clients may share a session, and so a lock of the session. */
async function inTransaction<Result>(
  client: pg.Client,
  { own }: SchemaNames,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`rekey migrate ${own}`])
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** Reads the checksums of the applied migrations by name. */
async function appliedMigrations(client: pg.Client, schemas: SchemaNames): Promise<Map<string, string>> {
  const recorded = await recordedMigrations(client, schemas)
  return new Map(recorded.filter(({ isApplied }) => isApplied).map(({ name, checksum }) => [name, checksum]))
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
