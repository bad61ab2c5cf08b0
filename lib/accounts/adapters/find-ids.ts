import type { UsersMapping } from '@/lib/accounts/users-table'
import { lookupSpellings } from '@/lib/addresses/email-address'
import { Prisma } from '@/prisma/client/client'
import type { MappedTable } from './mapped-table'
import { allHold, cast, noneHolds } from './sql-parts'

/** Ids that a look-up of one address reads at most. */
const mostIds = 1000

/**
 * The statement that finds the ids of an address, oldest first.
 *
 * @param resettable false for those that may not be reset, too
 * @param hasOwnIndex of Rekey's own table: the index has the order of the ids, so the limit ends the look-up early. In any other
 *   table all spellings of the address are compared in one reading, which without an index is a scan, and no limit tempts the
 *   planner to walk along the ids instead
 */
export function findIdsStatement(
  address: string,
  table: MappedTable,
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
