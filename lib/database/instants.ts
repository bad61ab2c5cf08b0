import { Prisma } from '@/prisma/client/client'

// Instants are read as numbers: the text of a `timestamptz` depends on the session's TimeZone and DateStyle, and `@prisma/adapter-pg`
// ignores its offset (prisma/orm#26786, #28629).

/** Returns SQL for whole milliseconds since the epoch. A bigint, because `extra_float_digits` can round a float. */
export function epochMilliseconds(instant: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`floor(extract(epoch FROM ${instant}) * 1000)::bigint`
}

export function toDate(milliseconds: bigint): Date {
  return new Date(Number(milliseconds))
}
