import pg from 'pg'
import { parseTableName, type UsersMapping } from './users-table'

/** Lists how the catalogue may spell the first expression of an index that serves look-ups by email address. */
export function emailIndexExpressions({ email, emailStored }: UsersMapping): string[] {
  const quoted = pg.escapeIdentifier(email)
  const names = /^[a-z_][a-z0-9_]*$/.test(email) ? [email, quoted] : [quoted]
  if (emailStored === 'lowercase') return names
  return names.flatMap((name) => [
    `lower(${name} COLLATE "C")`,
    `lower(${name}::text COLLATE "C")`,
    `lower((${name})::text COLLATE "C")`,
    `lower(${name}::text COLLATE "C"::text)`,
  ])
}

export function createEmailIndexSql(mapping: UsersMapping): string {
  const column = pg.escapeIdentifier(mapping.email)
  const { schema, name } = parseTableName(mapping.table)
  const expression = mapping.emailStored === 'lowercase' ? column : `lower(${column}::text COLLATE "C")`
  return `CREATE INDEX CONCURRENTLY ON ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)} (${expression});`
}
