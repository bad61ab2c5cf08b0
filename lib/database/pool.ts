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
  /** The pool that Prisma's client uses, too. */
  pool: pg.Pool
  /** Runs each statement in a transaction of its own. */
  queries: Queries
  schemas: SchemaNames
  /** Whether all clients share one session, as on the embedded database. */
  sharedSession?: boolean | undefined
  names: ReturnType<typeof tableNames>
  /** Runs work in a transaction at READ COMMITTED. `work` may run several times, because conflicts are retried. */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /** As `transaction`, with Prisma's client, for functions in rekey.config.ts. The whole transaction may take 8 s. */
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

export type Transaction = Queries

export type PrismaTransaction = Prisma.TransactionClient

/** Connections of a web process besides `poolSize`, for its monitoring: a scrape makes two reads at once. */
export const monitoringConnections = 2

/** Milliseconds. */
const connectTimeout = 3_000
const queryTimeout = 8_000

/** Creates a pool of connections, and Prisma's client on it. Connections open at first use. */
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
  // The pool listens to idle connections only: without a listener, the loss of a connection in use would end the process.
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

/** Makes `pool.query` retry its statement after a conflict, or without a name that the session does not know. */
function retryStatements(pool: pg.Pool, names: StatementNames): void {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
  pool.query = ((...args: unknown[]) =>
    names.retry(() => retryConflicts(() => query(...args)))) as typeof pool.query
}
