import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { migrate } from '@/lib/setup/migrate'
import { cpuOfProcess, onEnd, startProgram } from './processes'

export type BenchDatabase = {
  url: string
  kind: 'embedded' | 'server'
  /** A pool with one connection. On a server, `cpu` omits its processor time. */
  sql: pg.Pool
  /** Milliseconds of processor time so far, by process; undefined if the processes are not visible here. */
  cpu(): Promise<Map<number, number> | undefined>
}

const accountPassword = 'gravel meadow lantern'

/** Creates an empty database, which `endAll` removes. @param server the URL of a server; undefined for an embedded database */
export async function createDatabase(server: string | undefined): Promise<BenchDatabase> {
  return server === undefined ? createEmbedded() : createOnServer(server)
}

async function createOnServer(server: string): Promise<BenchDatabase> {
  const name = `rekey_bench_${randomBytes(6).toString('hex')}`
  const admin = connect(server)
  await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  onEnd(async () => {
    await admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`)
    await admin.end()
  })
  const url = new URL(server)
  url.pathname = `/${name}`
  const sql = connect(url.href)
  const { rows } = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS "pid"')
  const isHere = existsSync(`/proc/${rows[0]!.pid}`) && isThisMachine(url.hostname)
  return {
    url: url.href,
    kind: 'server',
    sql,
    async cpu() {
      if (!isHere) return undefined
      const { rows } = await sql.query<{ pid: number }>(
        `SELECT "pid" FROM "pg_stat_activity" WHERE "datname" = current_database() AND "pid" <> pg_backend_pid()`,
      )
      return new Map(rows.map(({ pid }) => [pid, cpuOfProcess(pid)]))
    },
  }
}

async function createEmbedded(): Promise<BenchDatabase> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-bench-db-'))
  onEnd(async () => rmSync(dir, { recursive: true, force: true }))
  const program = startProgram<object, string>('embedded-database', [dir])
  const url = await program.order({})
  const sql = connect(url)
  return {
    url,
    kind: 'embedded',
    sql,
    cpu: async () => new Map([[0, program.cpu()]]),
  }
}

export const isThisMachine = (host: string) => ['127.0.0.1', '[::1]', 'localhost', ''].includes(host)

/** Returns milliseconds; undefined if a side is. Omits processes that ended in between. */
export function cpuBetween(
  before: Map<number, number> | undefined,
  after: Map<number, number> | undefined,
): number | undefined {
  if (before === undefined || after === undefined) return undefined
  return [...after].reduce((sum, [pid, cpu]) => sum + cpu - (before.get(pid) ?? 0), 0)
}

/** Migrates a database and adds accounts from `bench-0` on. */
export async function prepareDatabase(database: BenchDatabase, accounts: number): Promise<void> {
  await migrate({ url: database.url, schemas: defaultSchemaNames })
  await addAccounts(database, 0, accounts)
}

/** Adds accounts `bench-<from>` … `bench-<to - 1>`. */
export async function addAccounts({ sql }: BenchDatabase, from: number, to: number): Promise<void> {
  const hash = await createHashQueue().hash(accountPassword)
  await sql.query(
    `INSERT INTO "rekey"."users" ("id", "username", "email", "first_name", "last_name", "password")
     SELECT gen_random_uuid(), 'bench-' || n, 'bench-' || n || '@example.com', 'Bench', 'Person', $1
       FROM generate_series($2::int, $3::int - 1) n`,
    [hash, from, to],
  )
  await sql.query('ANALYZE "rekey"."users"')
}

/** With one connection, because `cpu` omits the connection that reads. */
function connect(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 })
  pool.on('error', () => undefined)
  return pool
}
