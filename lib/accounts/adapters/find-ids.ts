import type { UsersMapping } from '@/lib/accounts/users-table'
import { lookupSpellings } from '@/lib/addresses/email-address'
import { Prisma } from '@/prisma/client/client'
import type { MappedTableSql } from './mapped-table-sql'
import { allHold, cast, noneHolds } from './sql-parts'

const mostIds = 1000

/**
 * Composes the statement of `AccountStore.findIdsByEmail`.
 *
 * @param hasOwnIndex true for Rekey's own table: its index on address and id lets the limit end a scan early. For other tables,
 *   `OFFSET 0` hides the limit from the planner, which might otherwise scan the whole table from the oldest account on
 */
export function findIdsStatement(
  address: string,
  table: MappedTableSql,
  mapping: UsersMapping,
  { resettable, hasOwnIndex }: { resettable: boolean; hasOwnIndex: boolean },
): Prisma.Sql {
  const { users, passwords, column, passwordColumn, isMapped, isOwnHash, age } = table
  const email = column(mapping.email)
  const mayBeReset = Prisma.sql`${allHold(mapping.active, column)} AND ${email.sql}::text <> ''
    AND ${passwordColumn(mapping.password.column).sql}::text <> '' AND ${noneHolds(mapping.password.none, passwordColumn)}`
  // An account with several hashes has several rows of `p`.
  const select = passwords ? Prisma.sql`SELECT DISTINCT` : Prisma.sql`SELECT`
  const found = (isAddress: Prisma.Sql) => Prisma.sql`
    ${select} ${column(mapping.id).sql}::text AS "id", ${column(mapping.createdAt ?? mapping.id).sql} AS "age"
      FROM ${users} u ${passwords ? Prisma.sql`LEFT JOIN ${passwords} p ON ${isOwnHash}` : Prisma.empty}
     WHERE ${isAddress} AND ${isMapped} AND ${resettable ? mayBeReset : Prisma.sql`true`}`
  const forms = Prisma.sql`${lookupSpellings(address)}::text[]`
  const oldestFirst = Prisma.sql`ORDER BY found."age" NULLS FIRST, found."id" LIMIT ${mostIds}`
  const folded = Prisma.sql`lower(${email.sql}::text COLLATE "C")`
  if (hasOwnIndex)
    return Prisma.sql`
      SELECT found."id" FROM unnest(${forms}) AS form CROSS JOIN LATERAL (
        ${found(Prisma.sql`${folded} = form`)} ORDER BY ${age} LIMIT ${mostIds}) AS found ${oldestFirst}`
  const isAddress =
    mapping.emailStored === 'lowercase'
      ? Prisma.sql`${email.sql} = ANY (${cast(forms, email.column, true)})`
      : Prisma.sql`${folded} = ANY (${forms})`
  return Prisma.sql`SELECT found."id" FROM (${found(isAddress)} OFFSET 0) AS found ${oldestFirst}`
}
