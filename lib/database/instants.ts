import { Prisma } from '@/prisma/client/client'

// Instants cross the database driver as numbers. The text of a `timestamptz` depends on the session's TimeZone and
// DateStyle, and `@prisma/adapter-pg` reads it as if its offset were +00:00 (prisma/orm#26786, #28629). In
// prisma/schema.prisma the type of such columns is `Unsupported`, so that the client cannot read or write one.

/** An instant as whole milliseconds since the epoch; comes back as a bigint, which no float setting rounds. */
export function epochMilliseconds(instant: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`floor(extract(epoch FROM ${instant}) * 1000)::bigint`
}

/** What {@link epochMilliseconds} selected, as a date. */
export function toDate(milliseconds: bigint): Date {
  return new Date(Number(milliseconds))
}
