import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Prisma } from '@/prisma/client/client'
import { PrismaClient } from '@/prisma/client/client'
import { retryConflicts } from './errors'
import type { Log } from '@/lib/logging/log'
import type { SchemaNames } from '@/lib/config/schema-names'
import { createQueries, type Queries } from './queries'
import { createStatementNames, type StatementNames } from './statement-names'
import { tableNames } from './table-names'
import { runTransaction } from './transactions'

export type Database = {
  prisma: PrismaClient
  /** The pool that Prisma uses, too. For modules that send SQL without Prisma, such as the audit log and the rate limits. */
  pool: pg.Pool
  /** Runs statements in SQL of our own, each in a transaction of its own. */
  queries: Queries
  schemas: SchemaNames
  /** Whether all clients share one session, as on the embedded database. */
  sharedSession?: boolean | undefined
  names: ReturnType<typeof tableNames>
  /**
   * Runs work in one transaction at READ COMMITTED, whatever the database's default is. Retries it after a conflict, so `work` may
   * run several times; only its last run is committed. Each of its statements may take 8 s at most.
   *
   * @throws what `work` throws, after a rollback; the error of a connection or a statement; a conflict only after twelve tries
   */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /**
   * Runs work in a transaction as `transaction` does, but with Prisma's client, for functions in rekey.config.ts. Needs several times as
   * much processor time. The whole transaction may take 8 s at most.
   */
  prismaTransaction<Result>(work: (tx: PrismaTransaction) => Promise<Result>): Promise<Result>
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

/** Runs the statements of a transaction. A statement that another object runs is no part of the transaction. */
export type Transaction = Queries

export type PrismaTransaction = Prisma.TransactionClient

/** Milliseconds to wait for a connection (`connectTimeout`), and for a query or a whole `prismaTransaction` (`queryTimeout`). */
const connectTimeout = 3_000
const queryTimeout = 8_000

/** Creates a pool of connections and Prisma's client on it. The first query opens the first connection. */
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
  // The pool listens to idle connections only. Without another listener, the process would end if a session ends while its
  // connection is in use.
  pool.on('connect', (client) => client.on('error', () => undefined))
  // Closes a connection that is released inside a transaction: its next user would join that transaction.
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
    queries: createQueries((statement) => pool.query(statement)),
    transaction: (work) => statementNames.retry(() => retryConflicts(() => runTransaction(pool, work))),
    prismaTransaction: (work) =>
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

/**
 * Makes `pool.query` retry its statement after a conflict, or without a name if the session does not know the name. A statement inside
 * a transaction is not retried alone, because its failure aborts the transaction.
 */
function retryStatements(pool: pg.Pool, names: StatementNames): void {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
  pool.query = ((...args: unknown[]) =>
    names.retry(() => retryConflicts(() => query(...args)))) as typeof pool.query
}
