import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Prisma } from '@/prisma/client/client'
import { PrismaClient } from '@/prisma/client/client'
import { retryConflicts } from './errors'
import type { Log } from '@/lib/logging/log'
import type { SchemaNames } from '@/lib/config/schema-names'
import { createStatementNames, type StatementNames } from './statement-names'
import { tableNames } from './table-names'

export type Database = {
  prisma: PrismaClient
  /** The connections that Prisma uses, for modules with their own SQL (queue, limits). */
  pool: pg.Pool
  schemas: SchemaNames
  /** All clients share one session, as on the embedded database. */
  sharedSession?: boolean | undefined
  /** The qualified names of Rekey's tables. */
  names: ReturnType<typeof tableNames>
  /**
   * Runs work in one transaction at READ COMMITTED, whatever the database's default is. Retries after a conflict, so `work`
   * may run several times; only the last run is committed.
   *
   * @throws what `work` throws, after a rollback; the last conflict after twelve tries
   */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /** Whether the database responds. Concurrent calls share one query, so that health checks cannot use up the pool. */
  isReady(): Promise<boolean>
  close(): Promise<void>
}

export type DatabaseSettings = {
  url: string
  poolSize: number
  schemas: SchemaNames
  sharedSession?: boolean
}

/** Prisma's client inside a transaction; only statements that go through it are part of the transaction. */
export type Transaction = Prisma.TransactionClient

/** Milliseconds to wait for a connection, or for the response to a query, before the database counts as unavailable. */
const connectTimeout = 3_000
const queryTimeout = 8_000

/** Creates a pool; it opens its first connection at the first query. */
export function openDatabase(
  { url, poolSize, schemas, sharedSession }: DatabaseSettings,
  log: Log,
): Database {
  const statementNames = createStatementNames({ sharedSession })
  const pool = new pg.Pool({
    verify: statementNames.verify,
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeout,
    query_timeout: queryTimeout,
    keepAlive: true,
  })
  pool.on('error', (error) =>
    log.warn({ err: error, event: 'database_connection_lost', requestId: undefined }),
  )
  // The pool listens to idle connections only. A session may also end while its connection is in use and no statement is under
  // way; the next statement fails then, and without a listener the process would end at once.
  pool.on('connect', (client) => client.on('error', () => undefined))
  // Close connections whose transaction status is not idle instead of reusing them: other work would join the transaction.
  pool.on('release', (_error, client) => {
    if (client.getTransactionStatus() !== 'I') void client.end().catch(() => undefined)
  })
  retryStatements(pool, statementNames)
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: schemas.own }),
    transactionOptions: { maxWait: connectTimeout, timeout: queryTimeout },
  })
  let probe: Promise<boolean> | undefined
  return {
    prisma,
    pool,
    schemas,
    sharedSession,
    names: tableNames(schemas),
    transaction: (work) =>
      statementNames.retry(() =>
        retryConflicts(() => prisma.$transaction(work, { isolationLevel: 'ReadCommitted' })),
      ),
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

/** Retries single statements after a conflict, or without their name. Inside a transaction only the whole transaction can be retried. */
function retryStatements(pool: pg.Pool, names: StatementNames): void {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
  pool.query = ((...args: unknown[]) =>
    names.retry(() => retryConflicts(() => query(...args)))) as typeof pool.query
}
