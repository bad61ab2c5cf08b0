import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate } from '@/lib/setup/migrate'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { exerciseWholeFlow, openInstallation } from '@/e2e/support/installation'

// Other applications have tables of the same names, and queues of an older and of a newer pg-boss.

/** What pg_dump writes of a database, without its random token. */
function dump(url: string): string {
  const text = execFileSync('pg_dump', ['--dbname', url, '--exclude-schema', 'rekey|rekey_queue'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return text.replace(/^\\(un)?restrict .*$/gm, '')
}

async function installForeignQueue(url: string, schema: string): Promise<void> {
  const boss = new PgBoss({ connectionString: url, schema, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue('link-request')
  await boss.send('link-request', { theirs: true })
  await boss.stop({ graceful: false })
}

const namesakes = `
  CREATE TABLE public.users (id serial PRIMARY KEY, username text, email text, password text);
  INSERT INTO public.users (username, email, password) VALUES ('demo', 'demo@example.com', 'theirs');
  CREATE TABLE public._prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL,
    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0);
  INSERT INTO public._prisma_migrations (id, checksum, migration_name)
    SELECT n, repeat('0', 64), '2020_' || n FROM generate_series(1, 5) AS n;
  CREATE TABLE public.recovery (account_id text); CREATE TABLE public.limits (key text);
  CREATE TABLE public.audit (event text); CREATE TABLE public.mail_state (id int);
  CREATE FUNCTION public.purge_audit(interval) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint';
  CREATE TYPE public.job_state AS ENUM ('theirs');`

describe.runIf(testServer)('a database that Rekey shares with other applications [V2]', () => {
  let database: TestDatabase
  let sql: pg.Client
  let before: string
  beforeAll(async () => {
    database = await createTestDatabase()
    sql = new pg.Client({ connectionString: database.url })
    await sql.connect()
    await sql.query(namesakes)
    await installForeignQueue(database.url, 'pgboss')
    await installForeignQueue(database.url, 'jobs')
    // By these versions pg-boss decides whether it must migrate a queue.
    await sql.query('UPDATE pgboss.version SET version = 30; UPDATE jobs.version SET version = 99')
    before = dump(database.url)
  }, 120_000)
  afterAll(async () => {
    await sql.end()
    await database.drop()
  })

  test('migrations, a day of work and uninstalling leave the tables of others unchanged', async () => {
    await migrate(database)
    expect(dump(database.url)).toBe(before)

    const installation = await openInstallation(database)
    try {
      await exerciseWholeFlow(installation)
      expect(await installation.services.accounts.findByLogin('demo', ['username'])).toEqual([])
    } finally {
      await installation.close()
    }
    await migrate(database)
    expect(dump(database.url)).toBe(before)

    await sql.query('DROP SCHEMA rekey CASCADE; DROP SCHEMA rekey_queue CASCADE')
    expect(dump(database.url)).toBe(before)
    const { rows } = await sql.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rekey%'`)
    expect(rows).toEqual([])
  })

  test('several installations of Rekey work in one database, each in its own schemas', async () => {
    const own = `tenant_${randomBytes(4).toString('hex')}`
    const schemas = { own, queue: `${own}_queue` }
    await migrate(database)
    await migrate({ ...database, schemas })
    const installation = await openInstallation(database, { DATABASE_SCHEMA: own })
    try {
      await exerciseWholeFlow(installation)
    } finally {
      await installation.close()
    }
    const { rows } = await sql.query(`SELECT count(*)::int AS "others" FROM rekey.users`)
    expect(rows).toEqual([{ others: 0 }])
    const mixed = { ...database, schemas: { own, queue: 'rekey_queue' } }
    await expect(migrate(mixed)).rejects.toThrow('set DATABASE_QUEUE_SCHEMA')
  })
})
