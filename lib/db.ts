import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Prisma } from '@/prisma/client/client'
import { PrismaClient } from '@/prisma/client/client'
import type { Log } from './log'
import { pendingMigrations } from './migrations'
import { queueConnections } from './queue'
import type { Settings } from './settings'
import { isLoopback } from './settings/checks'
import { withoutSecrets } from './settings/database-url'

export type Database = {
  prisma: PrismaClient
  /** The connections under Prisma, for the parts that speak SQL themselves (queue, limits). */
  pool: pg.Pool
  /** Whether the database answers. However many ask at once, they wait for one query on one connection. */
  isReady(): Promise<boolean>
  close(): Promise<void>
}

/** Prisma inside a transaction: all that belongs together goes through it. */
export type Transaction = Prisma.TransactionClient

/** Milliseconds a request waits for a connection or an answer before the database counts as away. */
const connectTimeout = 3_000
const queryTimeout = 8_000

/** Opens a pool of connections; none is made before the first query. */
export function openDatabase(url: string, poolSize: number, log: Log): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeout,
    query_timeout: queryTimeout,
    keepAlive: true,
  })
  pool.on('error', (error) => log.warn({ err: error, event: 'database_connection_lost' }))
  // A transaction whose end the database was not heard to confirm may still be open: nothing else may run within it.
  pool.on('release', (_error, client) => {
    if (client.getTransactionStatus() !== 'I') void client.end().catch(() => undefined)
  })
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: { maxWait: connectTimeout, timeout: queryTimeout },
  })
  let probe: Promise<boolean> | undefined
  return {
    prisma,
    pool,
    isReady() {
      probe ??= pool
        .query('SELECT 1')
        .then(
          () => true,
          (error: unknown) => {
            log.warn({ err: error, event: 'not_ready' })
            return false
          },
        )
        .finally(() => (probe = undefined))
      return probe
    },
    async close() {
      await prisma.$disconnect()
      await pool.end().catch(() => undefined)
    },
  }
}

/**
 * SQLSTATE classes that say the database cannot serve now: connection exceptions, resources exhausted, operator
 * intervention, system errors, read-only after a failover (PostgreSQL, Appendix A).
 */
const awayStates = /^(08|53|57|58|25006)/
const awayCodes =
  /^(ECONNREFUSED|ECONNRESET|ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|P1001|P1002|P1008|P1017|P2024|P2028|P2034)$/
const awayWords =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|not queryable|Client was closed|Can't reach database server|Cannot use a pool after|Connection closed|server login|ConnectionClosed|SocketTimeout|DatabaseNotReachable/i

/** Whether an error means that the database is away for now, so that the same request may succeed later. */
export function isDatabaseAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Object && depth < 6; depth += 1) {
    const { code, originalCode, message, kind, cause, meta } = at as Record<string, unknown>
    for (const value of [code, originalCode, kind]) {
      if (
        typeof value === 'string' &&
        (awayStates.test(value) || awayCodes.test(value) || awayWords.test(value))
      ) {
        return true
      }
    }
    if (typeof message === 'string' && awayWords.test(message)) return true
    at = cause ?? (meta as Record<string, unknown> | undefined)?.driverAdapterError
  }
  return false
}

/**
 * Verifies at start that the database answers and that all migrations are applied; changes nothing.
 *
 * @returns what is allowed but worth a warning, a sentence each
 * @throws Error whose message is one sentence for the operator
 */
export async function checkDatabase(settings: Settings): Promise<string[]> {
  let client: pg.Client
  try {
    // Making one already reads the files that the URL names.
    client = new pg.Client({ connectionString: settings.database.url, connectionTimeoutMillis: 5_000 })
    await client.connect()
  } catch (error) {
    throw new Error(
      `The database at ${withoutSecrets(settings.database.url)} does not answer (${reasonOf(error)}).`,
    )
  }
  try {
    const pending = await pendingMigrations(client)
    if (pending.length > 0) {
      throw new Error(
        `The database lacks ${pending.length} migration(s), the first is ${pending[0]}; run \`npm run migrate\`.`,
      )
    }
    const { rows } = await client.query<{ most: number }>(
      `SELECT current_setting('max_connections')::int AS "most"`,
    )
    return [...connectionWarnings(settings, rows[0]!.most), ...encryptionWarnings(settings.database.url)]
  } finally {
    await client.end()
  }
}

/** Every process has connections of its own, so that many cores bring many. */
function connectionWarnings({ database, webConcurrency, worker }: Settings, most: number): string[] {
  const wanted = webConcurrency * database.poolSize + (worker ? database.poolSize + queueConnections : 0)
  return wanted <= most
    ? []
    : [
        `This start may open ${wanted} connections and the database takes ${most}: lower DATABASE_POOL_SIZE or WEB_CONCURRENCY, or raise max_connections.`,
      ]
}

/**
 * Whether the way to the database is open to whoever is on it (ASVS 12.3.1). What a URL means, pg is asked: it takes no
 * TLS unless told, checks the certificate for `sslmode=require` and does not for `no-verify`.
 *
 * @throws Error when a file of certificates that the URL names cannot be read
 */
export function encryptionWarnings(databaseUrl: string): string[] {
  const { host, ssl } = new pg.Client({ connectionString: databaseUrl })
  if (host.startsWith('/') || isLoopback(host.toLowerCase())) return []
  const { rejectUnauthorized } = Object(ssl) as { rejectUnauthorized?: boolean }
  if (ssl && rejectUnauthorized !== false) return []
  return [
    `The database at ${withoutSecrets(databaseUrl)} is reached ${ssl ? 'without a check of its certificate' : 'without TLS'}: whoever is on the way can read and change accounts. Add sslmode=verify-full to its URL.`,
  ]
}

/**
 * What an operator may be told of a failed connection: the system's code or PostgreSQL's own words. Without the name of a
 * host: `withoutSecrets` decides whether that may be shown.
 */
export function reasonOf(error: unknown): string {
  const { code, message, syscall } = error as { code?: string; message?: string; syscall?: string }
  if (syscall === 'getaddrinfo') return `${code}: the name of its host cannot be resolved`
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ') || 'no reason given'
}
