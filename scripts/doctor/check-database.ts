import { openConnection } from '@/lib/database/connection'
import { quoteSchema } from '@/lib/config/schema-names'
import type { Settings } from '@/lib/config/settings'
import { checkAllButMappedUsers } from '@/lib/setup/preflight'
import { notificationsArrive } from '@/lib/queue/notifications'
import { ok, trouble, warning, type Finding } from './finding'

/** Milliseconds. */
const queryTimeout = 5_000

/** Seconds. */
const clockTolerance = 5

/** Checks session, writes and notifications, but only if the checks of a start succeed. */
export async function checkDatabase(settings: Settings, ownsUsers: boolean): Promise<Finding[]> {
  let warnings: string[]
  try {
    warnings = await checkAllButMappedUsers(settings, ownsUsers)
  } catch (error) {
    // The checks of a start write messages for operators.
    const problems = (error instanceof Error ? error.message : '').split('\n')
    return problems.map((problem) => trouble('database', problem))
  }
  return [
    ...warnings.map((sentence) => warning('database', sentence)),
    ...(await readSession(settings)),
    await checkWrites(settings),
    await checkNotifications(settings),
  ]
}

/** Inserts rows that need disk space, and rolls back: on a full disk, PostgreSQL still responds to queries and replaces single rows. */
async function checkWrites({ database: { url, schemas } }: Settings): Promise<Finding> {
  const metrics = `${quoteSchema(schemas.own)}."metrics"`
  const much = `INSERT INTO ${metrics} ("series", "value")
    SELECT 'doctor ' || n || repeat(md5(n::text), 8), 0 FROM generate_series(1, 200) AS n`
  const client = await openConnection(url, { queryTimeout })
  try {
    await client.query('BEGIN')
    await client.query(much)
    return ok('database.writes', 'The database takes writes.')
  } catch (error) {
    const { code = 'no code' } = error as { code?: string }
    return trouble(
      'database.writes',
      `The database answers, but takes no writes (${code}).`,
      code === '25006'
        ? 'It is a replica, or set to read only: DATABASE_URL must name the primary server.'
        : 'Look at its disk (53100: full) and its log.',
    )
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
    await client.end().catch(() => undefined)
  }
}

async function checkNotifications({ database }: Settings): Promise<Finding> {
  if (await notificationsArrive(database.url)) return ok('database.pooler', 'Notifications arrive.')
  return warning(
    'database.pooler',
    'Notifications do not arrive: a pooler in transaction mode stands in between.',
    'Emails leave up to two seconds later. Connect workers directly to avoid that.',
  )
}

type Session = {
  version: string
  role: string
  superuser: boolean
  mayChange: boolean
  isolation: string
  now: string
}

async function readSession({ database: { url, schemas } }: Settings): Promise<Finding[]> {
  const client = await openConnection(url, { queryTimeout })
  try {
    await client.query('SELECT 1')
    const asked = Date.now()
    const { rows } = await client.query<Session>(
      `SELECT current_setting('server_version') AS "version", current_user AS "role",
              current_setting('is_superuser') = 'on' AS "superuser",
              has_schema_privilege($1, 'CREATE') AS "mayChange",
              current_setting('default_transaction_isolation') AS "isolation",
              floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "now"`,
      [schemas.own],
    )
    const session = rows[0]!
    const here = (asked + Date.now()) / 2
    return [
      ok(
        'database',
        `PostgreSQL ${session.version.split(' ')[0]}, schema ${schemas.own}, all migrations applied.`,
      ),
      roleFinding(session),
      clockFinding((Number(session.now) - here) / 1000),
      session.isolation === 'read committed'
        ? ok('database.isolation', 'Transactions are read committed.')
        : warning(
            'database.isolation',
            `The default isolation is ${session.isolation}: Rekey works, and tries conflicts again.`,
            'Set it back for the role: ALTER ROLE … RESET default_transaction_isolation.',
          ),
    ]
  } finally {
    await client.end().catch(() => undefined)
  }
}

function roleFinding({ superuser, mayChange }: Session): Finding {
  const advice = 'Give the app a role of its own, and migrate with MIGRATION_DATABASE_URL.'
  if (superuser) return warning('database.role', 'The role is a superuser.', advice)
  if (mayChange) return warning('database.role', 'The role may change the schema.', advice)
  return ok('database.role', 'The role may use the tables and not change them.')
}

function clockFinding(offset: number): Finding {
  const seconds = `${Math.abs(offset).toFixed(1)} s`
  if (Math.abs(offset) <= clockTolerance) return ok('database.clock', `The clocks differ by ${seconds}.`)
  return warning(
    'database.clock',
    `The database's clock is ${seconds} ${offset > 0 ? 'ahead of' : 'behind'} this machine's.`,
    "Links keep the database's time. Synchronise both machines (NTP), so that their logs can be compared.",
  )
}
