import { maxAccountIdLength } from '@/lib/config/account-id'
import { Prisma } from '@/prisma/client/client'
import type { Condition, Scalar, TableName } from '@/lib/accounts/users-table'
import type { Column } from './catalogue'

// SQL fragments for statements on a mapped table. Names come from the team's configuration, so they are quoted. `cast` gives a parameter
// the type of its column, so that the column's index can be used.

export function identifier(name: string): Prisma.Sql {
  if (name === '' || name.includes('\0'))
    throw new Error('A name in the users mapping is empty or has a NUL.')
  // eslint-disable-next-line no-restricted-syntax -- identifiers cannot be parameters; quotes are doubled
  return Prisma.raw(`"${name.replaceAll('"', '""')}"`)
}

export function qualified({ schema, name }: TableName): Prisma.Sql {
  return Prisma.sql`${identifier(schema)}.${identifier(name)}`
}

/** Casts a text to the type of a column or, with `isArray`, an array of texts to an array of that type. */
export function cast(text: string | Prisma.Sql, { type }: Pick<Column, 'type'>, isArray = false): Prisma.Sql {
  // eslint-disable-next-line no-restricted-syntax -- the catalogue's own quoted name of a type
  const target = Prisma.raw(isArray ? `${type}[]` : type)
  return Prisma.sql`CAST(CAST(${text} AS ${isArray ? Prisma.sql`text[]` : Prisma.sql`text`}) AS ${target})`
}

/** `now()` for a column; in UTC for a type without a time zone. */
export function nowSql({ family }: Pick<Column, 'family'>): Prisma.Sql {
  return family === 'timestamp' ? Prisma.sql`(now() AT TIME ZONE 'UTC')` : Prisma.sql`now()`
}

/** A column's time as `timestamptz`. A time without a time zone counts as UTC. */
export function instantSql(column: Prisma.Sql, { family }: Pick<Column, 'family'>): Prisma.Sql {
  return family === 'timestamp' ? Prisma.sql`(${column} AT TIME ZONE 'UTC')` : column
}

type ColumnOf = (name: string) => { sql: Prisma.Sql; column: Column }

/** SQL: all conditions are true; NULL if that depends on a NULL column. */
export function allHold(conditions: readonly Condition[] = [], columnOf: ColumnOf): Prisma.Sql {
  if (conditions.length === 0) return Prisma.sql`true`
  return Prisma.sql`(${Prisma.join(
    conditions.map((condition) => holds(condition, columnOf)),
    ' AND ',
  )})`
}

/** SQL: no condition is true; NULL does not count as true. */
export function noneHolds(conditions: readonly Condition[] = [], columnOf: ColumnOf): Prisma.Sql {
  if (conditions.length === 0) return Prisma.sql`true`
  return Prisma.sql`(${Prisma.join(
    conditions.map((condition) => Prisma.sql`(${holds(condition, columnOf)}) IS NOT TRUE`),
    ' AND ',
  )})`
}

function holds(condition: Condition, columnOf: ColumnOf): Prisma.Sql {
  if ('any' in condition) {
    if (condition.any.length === 0) return Prisma.sql`false`
    return Prisma.sql`(${Prisma.join(
      condition.any.map((one) => holds(one, columnOf)),
      ' OR ',
    )})`
  }
  const { sql, column } = columnOf(condition.column)
  if ('is' in condition) return equals(sql, column, condition.is)
  if ('isNot' in condition)
    return condition.isNot === null
      ? Prisma.sql`${sql} IS NOT NULL`
      : Prisma.sql`${sql} IS DISTINCT FROM ${cast(String(condition.isNot), column)}`
  if ('startsWith' in condition)
    return Prisma.sql`left(${sql}::text, ${Array.from(condition.startsWith).length}) = ${condition.startsWith}`
  const isPast = Prisma.sql`${sql} <= ${nowSql(column)}`
  return 'isPast' in condition ? isPast : Prisma.sql`(${sql} IS NULL OR ${isPast})`
}

function equals(sql: Prisma.Sql, column: Column, value: Scalar | null): Prisma.Sql {
  if (value === null) return Prisma.sql`${sql} IS NULL`
  // PostgreSQL may not recognise that a comparison with a parameter implies the condition `WHERE is_active` of a partial index.
  if (value === true && column.family === 'boolean') return sql
  if (value === false && column.family === 'boolean') return Prisma.sql`NOT ${sql}`
  return Prisma.sql`${sql} = ${cast(String(value), column)}`
}

const largest = { smallint: 2n ** 15n - 1n, integer: 2n ** 31n - 1n, bigint: 2n ** 63n - 1n }
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether a text can be an id in a column of this type. PostgreSQL could fail to cast another text. */
export function canBeId(text: string, { family }: Pick<Column, 'family'>): boolean {
  if (family === 'uuid') return uuid.test(text)
  if (family === 'smallint' || family === 'integer' || family === 'bigint')
    return /^(0|-?[1-9]\d{0,18})$/.test(text) && BigInt(text.replace('-', '')) <= largest[family]
  return text !== '' && text.length <= maxAccountIdLength && !text.includes('\0')
}
