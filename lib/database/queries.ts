import pg from 'pg'
import { Prisma } from '@/prisma/client/client'

/**
 * Runs statements in SQL of our own. Its methods have the same names and results as in Prisma's client, so that the same code runs in a
 * transaction of Prisma's client or on `pg` alone, which needs less processor time.
 */
export type Queries = {
  $queryRaw<Rows>(statement: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<Rows>
  /** @returns the number of rows that the statement changed */
  $executeRaw(statement: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<number>
  $queryRawUnsafe<Rows>(text: string, ...values: unknown[]): Promise<Rows>
}

type Statement = { text: string; values: unknown[]; types: pg.CustomTypesConfig }

const types: pg.CustomTypesConfig = {
  // The digits of an `int8` may not fit into a `number`.
  getTypeParser: (id, format) =>
    id === pg.types.builtins.INT8 && format !== 'binary' ? BigInt : pg.types.getTypeParser(id, format),
}

/** @param run sends a statement to the database, on a pool or on the connection of a transaction */
export function createQueries(run: (statement: Statement) => Promise<pg.QueryResult>): Queries {
  async function query<Rows>(
    statement: TemplateStringsArray | Prisma.Sql,
    ...values: unknown[]
  ): Promise<Rows> {
    return (await run(statementOf(statement, values))).rows as Rows
  }

  return {
    $queryRaw: query,
    $executeRaw: async (statement, ...values) => (await run(statementOf(statement, values))).rowCount ?? 0,
    $queryRawUnsafe: async <Rows>(text: string, ...values: unknown[]) =>
      (await run({ text, values, types })).rows as Rows,
  }
}

function statementOf(statement: TemplateStringsArray | Prisma.Sql, given: unknown[]): Statement {
  const { text, values } = statement instanceof Prisma.Sql ? statement : Prisma.sql(statement, ...given)
  return { text, values, types }
}
