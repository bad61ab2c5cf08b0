import type { PasswordFormat } from '@/lib/passwords/hashers/password-format'

export type Scalar = string | number | boolean

/**
 * A condition on a row. `isNot` with a value holds for NULL, too (`IS DISTINCT FROM`). A timestamp without a time zone is UTC, in
 * conditions and in what a reset writes.
 */
export type Condition =
  | { column: string; is: Scalar | null }
  | { column: string; isNot: Scalar | null }
  | { column: string; isPast: true }
  | { column: string; nullOrPast: true }
  | { column: string; startsWith: string }
  | { any: readonly Condition[] }

/** What a reset writes into a column. `now`: the time of the reset; `random`: so many random letters and digits. */
export type WrittenValue = Scalar | null | 'now' | { random: number }

/** Rows of the account that a reset deletes, such as its sessions or tokens. */
export type EndedRows = {
  table: string
  /** The column that names the account: by its id or, with `by: 'email'`, by its email address. */
  user: string
  by?: 'id' | 'email'
  where?: readonly Condition[]
  /** Sessions or tokens that sign in (the default), or open reset links, whose deletion ends no session. */
  holds?: 'sign-ins' | 'reset-links'
  /** Whether the table may be missing. If it is created later, restart Rekey. */
  ifPresent?: boolean
}

/**
 * Where a users table keeps what Rekey needs. A table name without a schema means the schema `public`, whatever `search_path` says. Names
 * are written as the catalogue has them, without quotes: `"userId"` is `userId`.
 */
export type UsersMapping = {
  /** A table or an updatable view. */
  table: string
  /** The column of a unique id: a smallint, integer, bigint, uuid or text. */
  id: string
  username?: string
  /** How the product stores usernames: as typed (the default), in lower case, or in Unicode's form NFKC. */
  usernameStored?: 'exact' | 'lowercase' | 'nfkc'
  email: string
  /** How the product stores email addresses. With `lowercase`, an index on the column serves look-ups. By default `as-typed`. */
  emailStored?: 'as-typed' | 'lowercase'
  firstName?: string
  lastName?: string
  /** The whole name, where the table has one column for it. */
  name?: string
  /** The column of a language tag, for the language of the account's emails. */
  locale?: string
  /** The column of the time of creation, which orders accounts from old to new. Without it, the id orders them. */
  createdAt?: string
  /** The column whose text tells several accounts with one email address apart in emails. */
  label?: string
  /** Limits Rekey to the rows for which all conditions hold, such as the rows of one tenant in a shared table. */
  only?: readonly Condition[]
  /** An account is active if all conditions hold. With an empty list, every account is active. */
  active: readonly Condition[]
  password: {
    column: string
    /** The table of the hash, if not the users table. Its row has the account's id in `user`, and the values of `where`. */
    in?: { table: string; user: string; where: Readonly<Record<string, Scalar>> }
    /** The format that a reset writes, with the cost that the product is configured with. */
    format: PasswordFormat
    /** Other formats whose hashes a reset may replace. An account whose hash is in no format of the mapping cannot be reset. */
    accepts?: readonly PasswordFormat[]
    /** Conditions, each of which marks an account without a password. So does a hash that is NULL or empty. */
    none?: readonly Condition[]
    /** The column of the time of the last change of the password, in the table of the hash. A reset writes it. */
    changedAt?: string
  }
  /** Other columns that a reset writes, in the table of the hash. */
  set?: Readonly<Record<string, WrittenValue>>
  end?: readonly EndedRows[]
}

export type TableName = { schema: string; name: string }

/** Splits a name such as `crm.people`. Without a dot, the schema is `public`. */
export function parseTableName(text: string): TableName {
  const [first = '', second] = text.split('.')
  return second === undefined ? { schema: 'public', name: first } : { schema: first, name: second }
}

/** Returns the name of a table with its schema, such as `public.auth_user`. */
export function tableKey({ schema, name }: TableName): string {
  return `${schema}.${name}`
}

export function identityOf({ table }: Pick<UsersMapping, 'table'>): string {
  return tableKey(parseTableName(table))
}

/** Lets the compiler check the mapping of a team's own table; returns it unchanged. */
export function usersTable(mapping: UsersMapping): UsersMapping {
  return mapping
}

/** Lists the columns that a mapping names in the users table, each with the option that names it. */
export function usersTableColumns(mapping: UsersMapping): [option: string, column: string][] {
  const { password } = mapping
  const optional = ['username', 'firstName', 'lastName', 'name', 'locale', 'createdAt', 'label'] as const
  return [
    ['id', mapping.id],
    ['email', mapping.email],
    ...optional.flatMap((option): [string, string][] => {
      const column = mapping[option]
      return column === undefined ? [] : [[option, column]]
    }),
    ...conditionColumns('only', mapping.only),
    ...conditionColumns('active', mapping.active),
    ...(password.in ? [] : passwordTableColumns(mapping)),
  ]
}

/** Lists the columns that a mapping names in the table of the hash, each with the option that names it. */
export function passwordTableColumns({
  password,
  set = {},
}: UsersMapping): [option: string, column: string][] {
  return [
    ['password.column', password.column],
    ...conditionColumns('password.none', password.none),
    ...(password.changedAt === undefined
      ? []
      : [['password.changedAt', password.changedAt] satisfies [string, string]]),
    ...Object.keys(set).map((column): [string, string] => ['set', column]),
    ...(password.in
      ? [
          ['password.in.user', password.in.user] satisfies [string, string],
          ...Object.keys(password.in.where).map((column): [string, string] => ['password.in.where', column]),
        ]
      : []),
  ]
}

export function conditionColumns(
  option: string,
  conditions: readonly Condition[] = [],
): [option: string, column: string][] {
  return conditions.flatMap((condition): [string, string][] =>
    'any' in condition ? conditionColumns(option, condition.any) : [[option, condition.column]],
  )
}
