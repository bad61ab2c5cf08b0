import type { UsersMapping } from '@/lib/accounts/users-table'
import { lookupSpellings } from '@/lib/addresses/email-address'
import { Prisma } from '@/prisma/client/client'
import type { MappedTableSql } from './mapped-table-sql'
import { allHold, cast, noneHolds } from './sql-parts'

/** The most ids that a look-up of one address returns. */
const mostIds = 1000

/**
 * Composes the statement that finds the ids of an email address's accounts, oldest first.
 *
 * @param resettable true leaves out accounts that are inactive or have no password
 * @param hasOwnIndex true for Rekey's own table, whose index sorts the ids of the resettable accounts of each address: the limit ends
 *   a scan of the index early. In any other table, one scan compares all spellings of the address. `OFFSET 0` hides the limit from the
 *   planner, which might otherwise read the whole table from the oldest account on until it has found enough
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
  const found = (isAddress: Prisma.Sql) => Prisma.sql`
    SELECT ${column(mapping.id).sql}::text AS "id", ${column(mapping.createdAt ?? mapping.id).sql} AS "age"
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
