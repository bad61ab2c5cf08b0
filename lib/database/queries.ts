import pg from 'pg'
import { Prisma } from '@/prisma/client/client'

/** Runs SQL. Its methods are named as those of Prisma's client, so that the same code can run on either. */
export type Queries = {
  $queryRaw<Rows>(statement: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<Rows>
  /** Returns the number of changed rows. */
  $executeRaw(statement: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<number>
  $queryRawUnsafe<Rows>(text: string, ...values: unknown[]): Promise<Rows>
}

type Statement = { text: string; values: unknown[]; types: pg.CustomTypesConfig }

const types: pg.CustomTypesConfig = {
  // An `int8` may not fit into a `number`.
  getTypeParser: (id, format) =>
    id === pg.types.builtins.INT8 && format !== 'binary' ? BigInt : pg.types.getTypeParser(id, format),
}

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
