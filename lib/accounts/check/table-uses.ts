import {
  conditionColumns,
  usersTableColumns,
  passwordTableColumns,
  parseTableName,
  type TableName,
  type UsersMapping,
  type WrittenValue,
} from '@/lib/accounts/users-table'

export type ColumnUse = {
  option: string
  column: string
  /** What the column must be able to contain. `hash`: up to so many characters. `any`: values are only compared with the column. */
  as: 'id' | 'text' | 'time' | 'any' | { written: WrittenValue } | { hash: number }
  isWritten?: boolean
}

export type TableUse = {
  option: string
  table: TableName
  columns: ColumnUse[]
  deletes?: boolean
  /** Whether Rekey locks rows of the table but writes none. Locking needs UPDATE on one column. */
  onlyLocked?: boolean
  ifPresent?: boolean
}

/** Lists how Rekey uses the tables of a mapping; the first one is the users table. */
export function tableUsesOf(mapping: UsersMapping): TableUse[] {
  const { password, set = {}, end = [] } = mapping
  const asOf = (option: string): ColumnUse['as'] => {
    if (option === 'id') return 'id'
    if (option === 'createdAt') return 'time'
    return ['username', 'email', 'firstName', 'lastName', 'name', 'locale', 'label'].includes(option)
      ? 'text'
      : 'any'
  }
  const written = new Map<string, WrittenValue>(Object.entries(set))
  const toUse = ([option, column]: [string, string]): ColumnUse => {
    if (option === 'password.column')
      return { option, column, as: { hash: password.format.longestOutput }, isWritten: true }
    if (option === 'set') return { option, column, as: { written: written.get(column)! }, isWritten: true }
    if (option === 'password.changedAt') return { option, column, as: 'time', isWritten: true }
    return { option, column, as: asOf(option) }
  }
  const users: TableUse = {
    option: 'table',
    table: parseTableName(mapping.table),
    columns: usersTableColumns(mapping).map(toUse),
    onlyLocked: password.in !== undefined,
  }
  const hashes: TableUse[] = password.in
    ? [
        {
          option: 'password.in.table',
          table: parseTableName(password.in.table),
          columns: passwordTableColumns(mapping).map(toUse),
        },
      ]
    : []
  const ended = end.map(({ table, user, where, ifPresent = false }): TableUse => {
    const columns: [string, string][] = [['end.user', user], ...conditionColumns('end.where', where)]
    return {
      option: 'end.table',
      table: parseTableName(table),
      columns: columns.map(toUse),
      deletes: true,
      ifPresent,
    }
  })
  return [users, ...hashes, ...ended]
}
