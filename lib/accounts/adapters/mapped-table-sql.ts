import { identityOf, parseTableName, type EndedRows, type UsersMapping } from '@/lib/accounts/users-table'
import { epochMilliseconds } from '@/lib/database/instants'
import type { Database, Transaction } from '@/lib/database/pool'
import { Prisma } from '@/prisma/client/client'
import { readCatalogue, type Column } from './catalogue'
import { allHold, cast, identifier, instantSql, noneHolds, qualified } from './sql-parts'

type Named = { sql: Prisma.Sql; column: Column }

/**
 * SQL fragments of a mapped table. Aliases: `u` is the users table, `p` the table of hashes if there is one, `r` Rekey's `recovery`, and
 * `e` a table from which a reset deletes rows.
 */
export type MappedTableSql = {
  users: Prisma.Sql
  passwords: Prisma.Sql | undefined
  id: Column
  /** A column of the users table. @throws Error if there is no such column */
  column(name: string): Named
  /** A column of the table of the hash. @throws Error if there is no such column */
  passwordColumn(name: string): Named
  /** The columns of {@link AccountRow}. */
  columns: Prisma.Sql
  from: Prisma.Sql
  /** `u` satisfies the mapping's `only`. */
  isMapped: Prisma.Sql
  /** `p` contains the hash of `u`; true without a table of hashes. */
  isOwnHash: Prisma.Sql
  /** For ORDER BY: oldest first. */
  age: Prisma.Sql
  /** `u` is the account with this id and satisfies `only`. */
  isAccount(id: string): Prisma.Sql
  isHashOf(id: string): Prisma.Sql
  /** The mapping's `end`, without optional tables that do not exist. */
  ended: { rows: EndedRows; table: Prisma.Sql; column(name: string): Named }[]
}

/** A row of `columns`. An account with several hashes has several rows. */
export type AccountRow = {
  id: string
  username: string | null
  email: string | null
  firstName: string | null
  lastName: string | null
  name: string | null
  label: string | null
  locale: string | null
  passwordHash: string | null
  isMarkedPasswordless: boolean
  isActive: boolean
  /** Milliseconds since the epoch. */
  passwordChangedAt: bigint | null
  linksEpoch: number | null
}

/** Composes the SQL of a mapping. @throws Error that names a column that does not exist, and its table */
export async function composeMappedTableSql(
  client: Pick<Transaction, '$queryRaw'>,
  recovery: Database['names']['recovery'],
  mapping: UsersMapping,
  identity: string,
): Promise<MappedTableSql> {
  const { password, end = [] } = mapping
  const tables = [
    mapping.table,
    ...(password.in ? [password.in.table] : []),
    ...end.map(({ table }) => table),
  ]
  const catalogue = await readCatalogue(client, tables.map(parseTableName))
  const columnsOf = (table: string, alias: Prisma.Sql) => (name: string) => {
    const column = catalogue.get(identityOf({ table }))?.columns.get(name)
    if (column === undefined) throw new Error(`The table ${table} has no column ${name}.`)
    return { sql: Prisma.sql`${alias}.${identifier(name)}`, column }
  }

  const column = columnsOf(mapping.table, Prisma.sql`u`)
  const passwordColumn = password.in ? columnsOf(password.in.table, Prisma.sql`p`) : column
  const users = qualified(parseTableName(mapping.table))
  const passwords = password.in && qualified(parseTableName(password.in.table))
  const id = column(mapping.id)
  const isMapped = allHold(mapping.only, column)

  function isHash(user: Prisma.Sql): Prisma.Sql {
    if (password.in === undefined) return Prisma.sql`true`
    const constants = Object.entries(password.in.where).map(([name, is]) => ({ column: name, is }))
    const owner = passwordColumn(password.in.user)
    return Prisma.sql`(${owner.sql} = ${cast(user, owner.column)} AND ${allHold(constants, passwordColumn)})`
  }

  const isOwnHash = isHash(Prisma.sql`${id.sql}::text`)
  return {
    users,
    passwords,
    id: id.column,
    column,
    passwordColumn,
    columns: accountColumns(mapping, column, passwordColumn),
    from: Prisma.sql`FROM ${users} u
      ${passwords ? Prisma.sql`LEFT JOIN ${passwords} p ON ${isOwnHash}` : Prisma.empty}
      LEFT JOIN ${recovery} r ON r."users_table" = ${identity} AND r."account_id" = ${id.sql}::text`,
    isMapped,
    isOwnHash,
    age:
      mapping.createdAt === undefined
        ? id.sql
        : Prisma.sql`${column(mapping.createdAt).sql} NULLS FIRST, ${id.sql}`,
    isAccount: (text) => Prisma.sql`(${id.sql} = ${cast(text, id.column)} AND ${isMapped})`,
    isHashOf: (text) => isHash(Prisma.sql`${text}`),
    ended: end
      .filter(({ table, ifPresent }) => !ifPresent || catalogue.has(identityOf({ table })))
      .map((rows) => ({
        rows,
        table: qualified(parseTableName(rows.table)),
        column: columnsOf(rows.table, Prisma.sql`e`),
      })),
  }
}

/** The most characters of a name, label or locale: comparing a password with a name of megabytes would stall the process. */
const longestText = 400

function accountColumns(
  mapping: UsersMapping,
  column: MappedTableSql['column'],
  passwordColumn: MappedTableSql['passwordColumn'],
): Prisma.Sql {
  const { password } = mapping
  const whole = (name: string | undefined) =>
    name === undefined ? Prisma.sql`NULL::text` : Prisma.sql`${column(name).sql}::text`
  const text = (name: string | undefined) => Prisma.sql`left(${whole(name)}, ${longestText})`
  const changedAt = password.changedAt === undefined ? undefined : passwordColumn(password.changedAt)
  const changed = changedAt
    ? Prisma.sql`GREATEST(${instantSql(changedAt.sql, changedAt.column)}, r."password_changed_at")`
    : Prisma.sql`r."password_changed_at"`
  return Prisma.sql`
    ${whole(mapping.id)} AS "id", ${whole(mapping.username)} AS "username", ${whole(mapping.email)} AS "email",
    ${text(mapping.firstName)} AS "firstName", ${text(mapping.lastName)} AS "lastName", ${text(mapping.name)} AS "name",
    ${text(mapping.label)} AS "label", ${text(mapping.locale)} AS "locale",
    ${passwordColumn(password.column).sql}::text AS "passwordHash",
    NOT ${noneHolds(password.none, passwordColumn)} AS "isMarkedPasswordless",
    COALESCE(${allHold(mapping.active, column)}, false) AS "isActive",
    ${epochMilliseconds(changed)} AS "passwordChangedAt", r."links_epoch" AS "linksEpoch"`
}
