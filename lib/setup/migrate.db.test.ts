import { randomBytes, randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEndingSessions } from '@/e2e/support/ending-sessions'
import { createTestDatabase, testServer, urlOfRole, type TestDatabase } from '@/e2e/support/test-database'
import { migrate, pendingMigrations } from './migrate'

const names = readdirSync('prisma/migrations', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort()

let database: TestDatabase
let sql: pg.Client
beforeAll(async () => {
  database = await createTestDatabase()
  sql = await connect(database.url)
}, 120_000)
afterAll(async () => {
  await sql.end()
  await database.drop()
})

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

const pending = (client = sql) => pendingMigrations(client, database.schemas, true)

const hasTable = async (table: string) =>
  (await sql.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS "exists"', [table])).rows[0]!
    .exists

const empty = () => sql.query('DROP SCHEMA IF EXISTS rekey, rekey_queue CASCADE')

describe('migrations', () => {
  beforeEach(empty)

  test('a migration applies everything that an empty database lacks, and a second one changes nothing', async () => {
    expect(await pending()).toEqual([...names, 'the queue'])
    expect(await migrate(database)).toEqual(names)
    expect(await pending()).toEqual([])
    expect(await migrate(database)).toEqual([])

    const { rows } = await sql.query(
      `SELECT "migration_name" AS "name", length("checksum") AS "checksum", "finished_at" IS NOT NULL AS "finished",
            "rolled_back_at" AS "undone", "applied_steps_count" AS "steps"
       FROM "rekey"."_prisma_migrations" ORDER BY "started_at", "migration_name"`,
    )
    expect(rows).toEqual(
      names.map((name) => ({ name, checksum: 64, finished: true, undone: null, steps: 1 })),
    )
  }, 60_000)

  test('if two processes migrate an empty database at the same time, one of them applies each migration [F10]', async () => {
    const [first, second] = await Promise.all([migrate(database), migrate(database)])
    expect([...first, ...second].sort()).toEqual(names)
    expect(await pending()).toEqual([])
  }, 60_000)

  test('a migration that fails is named and rolled back as a whole, and is applied once its cause is removed', async () => {
    await migrate(database)
    const users = names.find((name) => name.endsWith('_users'))!
    await sql.query(`DELETE FROM "rekey"."_prisma_migrations" WHERE "migration_name" = $1`, [users])
    await sql.query('DROP INDEX "rekey"."users_email_folded_idx"')
    await expect(migrate(database)).rejects.toThrow(
      `The migration ${users} failed and was rolled back: relation "users" already exists`,
    )
    expect(await hasTable('rekey.users_email_folded_idx')).toBe(false)
    await sql.query('DROP TABLE "rekey"."users"; DROP FUNCTION "rekey"."revoke_links"')
    expect(await migrate(database)).toEqual([users])
  }, 60_000)

  test('a migration and a start are refused if a migration was edited after it was applied', async () => {
    await migrate(database)
    await sql.query(
      `UPDATE "rekey"."_prisma_migrations" SET "checksum" = repeat('0', 64) WHERE "migration_name" = $1`,
      [names[0]],
    )
    const edited = new RegExp(`^The migration ${names[0]} was edited after it was applied`)
    await expect(migrate(database)).rejects.toThrow(edited)
    await expect(pending()).rejects.toThrow(edited)
  }, 60_000)
})

describe.runIf(testServer)('a role for migrations and one for the app [K5]', () => {
  let owner: string
  let app: string
  beforeAll(async () => {
    owner = `rekey_owner_${randomBytes(5).toString('hex')}`
    app = `rekey_app_${randomBytes(5).toString('hex')}`
    const [{ name }] = (await sql.query<{ name: string }>('SELECT current_database() AS "name"')).rows as [
      { name: string },
    ]
    await sql.query(`CREATE ROLE "${owner}" LOGIN; CREATE ROLE "${app}" LOGIN`)
    await sql.query(`ALTER DATABASE "${name}" OWNER TO "${owner}"`)
    await empty()
    await migrate({ ...database, url: urlOfRole(database.url, owner) }, { appRole: app })
  }, 60_000)
  afterAll(async () => {
    await sql.query(`ALTER DATABASE "${new URL(database.url).pathname.slice(1)}" OWNER TO CURRENT_USER`)
    await sql.query(`DROP OWNED BY "${app}", "${owner}" CASCADE; DROP ROLE "${app}", "${owner}"`)
  })

  test('neither role has to be a superuser, and the app’s role sees that nothing is pending', async () => {
    const client = await connect(urlOfRole(database.url, app))
    expect(await pending(client).finally(() => client.end())).toEqual([])
  })

  test('a role with rights on accounts but not on Rekey’s rows revokes links by a change of address [T5]', async () => {
    const id = randomUUID()
    const team = await connect(urlOfRole(database.url, app))
    try {
      await sql.query(`REVOKE ALL ON "rekey"."recovery" FROM "${app}"`)
      await team.query('INSERT INTO "rekey"."users" ("id", "username") VALUES ($1, $2)', [id, id])
      await team.query(`UPDATE "rekey"."users" SET "email" = 'new@example.com' WHERE "id" = $1`, [id])
      const { rows } = await sql.query(
        'SELECT "links_epoch" FROM "rekey"."recovery" WHERE "account_id" = $1',
        [id],
      )
      expect(rows).toEqual([{ links_epoch: 1 }])
    } finally {
      await team.end()
      await sql.query(`GRANT SELECT, INSERT, UPDATE ON "rekey"."recovery" TO "${app}"`)
    }
  })

  test.each([
    'DROP TABLE "rekey"."users"',
    'DROP TABLE "rekey"."audit"',
    'ALTER TABLE "rekey"."users" ADD COLUMN "x" int',
    'ALTER TABLE "rekey"."audit" DISABLE TRIGGER ALL',
    'CREATE TABLE "mine" ("n" int)',
    'CREATE SCHEMA "mine"',
    'CREATE OR REPLACE FUNCTION "rekey"."purge_audit"(INTERVAL) RETURNS BIGINT LANGUAGE sql AS \'SELECT 1\'',
    'DROP TABLE rekey_queue.job',
    'DELETE FROM "rekey"."users"',
    'TRUNCATE "rekey"."users"',
    'UPDATE "rekey"."_prisma_migrations" SET "checksum" = \'x\'',
    'UPDATE "rekey"."audit" SET "event" = \'x\'',
    'DELETE FROM "rekey"."audit"',
    'TRUNCATE "rekey"."audit"',
    `SET rekey.purging = 'on'; DELETE FROM "rekey"."audit"`,
    `SET ROLE "postgres"`,
  ])('the app’s role may not run %s [L5]', async (statement) => {
    const client = await connect(urlOfRole(database.url, app))
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })

  test('the app’s role cannot use Rekey’s functions to run code with the rights of their owner', async () => {
    const client = await connect(urlOfRole(database.url, app))
    // SECURITY DEFINER: the purge runs with the owner's privileges, so a planted table must not pass for the audit log.
    await client.query(`
      CREATE TEMP TABLE "audit" ("at" timestamptz);
      INSERT INTO pg_temp."audit" VALUES ('2000-01-01');
      GRANT ALL ON pg_temp."audit" TO PUBLIC;
      CREATE FUNCTION pg_temp.borrow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'ALTER TABLE "rekey"."users" ADD COLUMN "borrowed" int'; RETURN OLD; END $$;
      CREATE TRIGGER borrow BEFORE DELETE ON pg_temp."audit" FOR EACH ROW EXECUTE FUNCTION pg_temp.borrow()`)
    await client.query(`SELECT "rekey"."purge_audit"(interval '30 days')`)
    await client.end()
    const { rows } = await sql.query(
      `SELECT 1 FROM information_schema.columns WHERE column_name = 'borrowed'`,
    )
    expect(rows).toEqual([])
  })

  test('the app’s role cannot put Rekey’s trigger on a table of its own, which would revoke links [T5]', async () => {
    const other = await connect(urlOfRole(database.url, app))
    try {
      await other.query('CREATE TEMP TABLE "mine" ("id" uuid, "email" text, "is_active" boolean)')
      const created = other.query(`CREATE TRIGGER "mine" AFTER UPDATE ON "mine"
        FOR EACH ROW EXECUTE FUNCTION "rekey"."revoke_links"()`)
      await expect(created).rejects.toMatchObject({ code: '42501' })
    } finally {
      await other.end()
    }
  })

  test('every function with its owner’s rights is closed to the public and sets a search path', async () => {
    const { rows } = await sql.query<{ config: string[] | null; open: boolean }>(
      `SELECT p.proconfig AS "config", has_function_privilege('public', p.oid, 'EXECUTE') AS "open" FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const { config, open } of rows) {
      expect(config?.join()).toMatch(/^search_path=.*pg_temp$/)
      expect(open).toBe(false)
    }
  })

  test('the app’s role can purge the audit log, but not of the last week [L6]', async () => {
    await sql.query(`INSERT INTO "rekey"."audit" ("at", "event")
      VALUES (now() - interval '8 days', 'old'), (now() - interval '6 days', 'young')`)
    const client = await connect(urlOfRole(database.url, app))
    await client.query(`SELECT "rekey"."purge_audit"(interval '-1 day')`).finally(() => client.end())
    expect((await sql.query('SELECT "event" FROM "rekey"."audit"')).rows).toEqual([{ event: 'young' }])
  })
})

describe('schemas with tables of other applications [V2]', () => {
  beforeEach(empty)

  test('a schema with tables of another application is not migrated', async () => {
    await sql.query('CREATE SCHEMA rekey; CREATE TABLE rekey.users (id serial, name text)')
    await expect(migrate(database)).rejects.toThrow(
      "The schema rekey contains tables that are not Rekey's; set DATABASE_SCHEMA",
    )
    expect(await hasTable('rekey._prisma_migrations')).toBe(false)
    expect(await hasTable('rekey_queue.version')).toBe(false)
  })

  test('a schema with a migration and a table of a newer version of Rekey is accepted [F16]', async () => {
    await migrate(database)
    await sql.query(`CREATE TABLE rekey.newer (id int); INSERT INTO rekey._prisma_migrations
      ("id", "checksum", "finished_at", "migration_name") VALUES ('newer', '', now(), '29990101000000_newer')`)
    expect(await migrate(database)).toEqual([])
  })

  test('a schema with Prisma migrations of another application is not migrated', async () => {
    await sql.query(`CREATE SCHEMA rekey; CREATE TABLE rekey._prisma_migrations (migration_name text, checksum text,
      finished_at timestamptz, rolled_back_at timestamptz); INSERT INTO rekey._prisma_migrations VALUES ('2020_init')`)
    await expect(migrate(database)).rejects.toThrow("contains tables that are not Rekey's")
    expect(await hasTable('rekey.recovery')).toBe(false)
  })

  test.each([
    ['another application’s queue', `CREATE TABLE rekey_queue.version (version int PRIMARY KEY)`],
    [
      'the queue of another installation of Rekey',
      `CREATE TABLE rekey_queue.version (version int); COMMENT ON TABLE rekey_queue.version IS 'The queue of Rekey in the schema other'`,
    ],
    ['any other table', 'CREATE TABLE rekey_queue.orders (id int)'],
  ])('a schema with %s is not used as the schema of the queue', async (_what, statements) => {
    await sql.query(`CREATE SCHEMA rekey_queue; ${statements}`)
    await expect(migrate(database)).rejects.toThrow('set DATABASE_QUEUE_SCHEMA to a schema for it alone')
    expect(await hasTable('rekey._prisma_migrations')).toBe(false)
    await expect(pending()).resolves.toContain('the queue')
  })
})

describe.runIf(testServer)('roles without the right to create schemas [V2]', () => {
  let role: string
  const url = () => urlOfRole(database.url, role)
  beforeEach(async () => {
    await empty()
    role = `rekey_tenant_${randomBytes(5).toString('hex')}`
    await sql.query(`CREATE ROLE "${role}" LOGIN`)
    return async () => {
      await empty()
      await sql.query(`DROP OWNED BY "${role}" CASCADE; DROP ROLE "${role}"`)
    }
  })

  test('the error has the statements for both schemas, and nothing is created before', async () => {
    const failure = await migrate({ ...database, url: url() }).catch((error: Error) => error.message)
    expect(failure).toContain(`CREATE SCHEMA "rekey" AUTHORIZATION "${role}";`)
    expect(failure).toContain(`CREATE SCHEMA "rekey_queue" AUTHORIZATION "${role}";`)
  })

  test('the role migrates if both schemas were created for it, and nothing if only one was', async () => {
    await sql.query(`CREATE SCHEMA "rekey" AUTHORIZATION "${role}"`)
    await expect(migrate({ ...database, url: url() })).rejects.toThrow(
      'may not create the schema rekey_queue',
    )
    expect(await hasTable('rekey._prisma_migrations')).toBe(false)
    await sql.query(`CREATE SCHEMA "rekey_queue"; GRANT USAGE ON SCHEMA "rekey_queue" TO "${role}"`)
    await expect(migrate({ ...database, url: url() })).rejects.toThrow(
      `GRANT USAGE, CREATE ON SCHEMA "rekey_queue" TO "${role}";`,
    )
    await sql.query(`GRANT CREATE ON SCHEMA "rekey_queue" TO "${role}"`)
    expect(await migrate({ ...database, url: url() })).toEqual(names)
    expect(await migrate({ ...database, url: url() })).toEqual([])
  })

  test('the error says that the app’s role does not exist, or that another role owns the tables', async () => {
    await expect(migrate(database, { appRole: 'rekey_not_there' })).rejects.toThrow(
      'The role rekey_not_there of DATABASE_URL does not exist',
    )
    await migrate(database)
    await sql.query(`GRANT ALL ON SCHEMA "rekey", "rekey_queue" TO "${role}"`)
    await expect(migrate({ ...database, url: url() })).rejects.toThrow(
      'does not own all tables in the schema rekey',
    )
  })
})

test('a session that ends between two statements of a migration does not end the process [F15]', async () => {
  const ending = await startEndingSessions()
  expect(await ending.crashesDuring(() => migrate({ ...database, url: ending.url }))).toEqual([])
  ending.close()
})
