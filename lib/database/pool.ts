import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Prisma } from '@/prisma/client/client'
import { PrismaClient } from '@/prisma/client/client'
import { retryConflicts } from './errors'
import type { Log } from '@/lib/logging/log'
import type { Schemas } from '@/lib/config/schema-names'
import { tableNames } from './table-names'

export type Database = {
  prisma: PrismaClient
  /** The connections under Prisma, for the parts that speak SQL themselves (queue, limits). */
  pool: pg.Pool
  schemas: Schemas
  /** The qualified names of Rekey's tables. */
  names: ReturnType<typeof tableNames>
  /**
   * Runs work in one transaction, at READ COMMITTED whatever the database's default is, and once more where PostgreSQL
   * undid it because of another transaction. `work` may so run several times; only its last run counts.
   */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /** Whether the database answers. However many ask at once, they wait for one query on one connection. */
  isReady(): Promise<boolean>
  close(): Promise<void>
}

export type DatabaseSettings = { url: string; poolSize: number; schemas: Schemas }

/** Prisma inside a transaction: all that belongs together goes through it. */
export type Transaction = Prisma.TransactionClient

/** Milliseconds a request waits for a connection or an answer before the database counts as away. */
const connectTimeout = 3_000
const queryTimeout = 8_000

/** Opens a pool of connections; none is made before the first query. */
export function openDatabase({ url, poolSize, schemas }: DatabaseSettings, log: Log): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeout,
    query_timeout: queryTimeout,
    keepAlive: true,
  })
  pool.on('error', (error) => log.warn({ err: error, event: 'database_connection_lost' }))
  // A transaction whose end the database did not confirm may still be open: no other work may run within it.
  pool.on('release', (_error, client) => {
    if (client.getTransactionStatus() !== 'I') void client.end().catch(() => undefined)
  })
  retryStatements(pool)
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: schemas.own }),
    transactionOptions: { maxWait: connectTimeout, timeout: queryTimeout },
  })
  let probe: Promise<boolean> | undefined
  return {
    prisma,
    pool,
    schemas,
    names: tableNames(schemas),
    transaction: (work) =>
      retryConflicts(() => prisma.$transaction(work, { isolationLevel: 'ReadCommitted' })),
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

/** Has the statements that are a transaction of their own repeated after a conflict; those within one are not. */
function retryStatements(pool: pg.Pool): void {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
  pool.query = ((...args: unknown[]) => retryConflicts(() => query(...args))) as typeof pool.query
}
