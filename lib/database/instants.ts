import { Prisma } from '@/prisma/client/client'

// Instants pass through the database driver as numbers, because the text of a `timestamptz` depends on the session's TimeZone and
// DateStyle, and `@prisma/adapter-pg` ignores the offset in this text (prisma/orm#26786, #28629). In prisma/schema.prisma such
// columns are `Unsupported`, so that Prisma's client can neither read nor write them.

/** SQL: an instant as whole milliseconds since the epoch. A bigint, because the setting `extra_float_digits` can round a float. */
export function epochMilliseconds(instant: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`floor(extract(epoch FROM ${instant}) * 1000)::bigint`
}

/** Converts the result of {@link epochMilliseconds} to a date. */
export function toDate(milliseconds: bigint): Date {
  return new Date(Number(milliseconds))
}
