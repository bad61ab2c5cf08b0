import { randomInt } from 'node:crypto'
import type { Account, LinkState } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import {
  identityOf,
  tableName,
  type EndedRows,
  type UsersTable,
  type Written,
} from '@/lib/accounts/users-table'
import { canonicalAddress, lookupForms } from '@/lib/addresses/email-address'
import { epochMilliseconds, toDate } from '@/lib/database/instants'
import type { Database, Transaction } from '@/lib/database/pool'
import { usernameSpellings } from '@/lib/text/username'
import { Prisma } from '@/prisma/client/client'
import { readCatalogue, type Column } from './catalogue'
import { allHold, canBeId, cast, identifier, instant, noneHolds, now, qualified } from './sql-parts'

/** Ids that a look-up of one address reads at most. */
const mostIds = 1000

/** A user of a table could have thousands of rows in one that ends; a person with this many accounts has none. */
type Row = {
  id: string
  username: string | null
  email: string | null
  firstName: string | null
  lastName: string | null
  name: string | null
  label: string | null
  locale: string | null
  passwordHash: string | null
  isMarkedPasswordless: boolean
  isActive: boolean
  passwordChangedAt: bigint | null
  linksEpoch: number | null
}

/** The statements' parts that depend on the types of columns. */
type Parts = {
  id: Column
  column: (name: string) => { sql: Prisma.Sql; column: Column }
  passwordColumn: (name: string) => { sql: Prisma.Sql; column: Column }
  ended: { rows: EndedRows; column: (name: string) => { sql: Prisma.Sql; column: Column } }[]
}

/** What the store needs of the database. */
type Needed = Pick<Database, 'prisma' | 'names' | 'pool'>

/**
 * Serves accounts from the table that a mapping describes. The statements are composed from the mapping; the types of its
 * columns are read from the catalogue once.
 */
export function createSqlAccountStore(
  { prisma, names, pool }: Needed,
  mapping: UsersTable,
  identity = identityOf(mapping),
): AccountStore {
  const { password } = mapping
  const { recovery } = names
  const users = qualified(tableName(mapping.table))
  const passwords = password.in && qualified(tableName(password.in.table))
  const formats = [password.format, ...(password.accepts ?? [])]

  let known: Promise<Parts> | undefined
  /** Reads the catalogue, once unless that fails. */
  function parts(): Promise<Parts> {
    known ??= readParts(pool, mapping).catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }

  /** The columns of an account, of `u`, `p` (the row of the hash) and `r` (what Rekey knows). */
  function columns({ column, passwordColumn }: Parts): Prisma.Sql {
    const text = (name: string | undefined) =>
      name === undefined ? Prisma.sql`NULL::text` : Prisma.sql`${column(name).sql}::text`
    const changedAt = password.changedAt === undefined ? undefined : passwordColumn(password.changedAt)
    const changed = changedAt
      ? Prisma.sql`GREATEST(${instant(changedAt.sql, changedAt.column)}, r."password_changed_at")`
      : Prisma.sql`r."password_changed_at"`
    return Prisma.sql`
      ${text(mapping.id)} AS "id", ${text(mapping.username)} AS "username", ${text(mapping.email)} AS "email",
      ${text(mapping.firstName)} AS "firstName", ${text(mapping.lastName)} AS "lastName", ${text(mapping.name)} AS "name",
      ${text(mapping.label)} AS "label", ${text(mapping.locale)} AS "locale",
      ${passwordColumn(password.column).sql}::text AS "passwordHash",
      NOT ${noneHolds(password.none, passwordColumn)} AS "isMarkedPasswordless",
      COALESCE(${allHold(mapping.active, column)}, false) AS "isActive",
      ${epochMilliseconds(changed)} AS "passwordChangedAt", r."links_epoch" AS "linksEpoch"`
  }

  /** Whether a row `p` holds the hash of the account `u`. */
  function isOwnPassword({ column, passwordColumn }: Parts): Prisma.Sql {
    if (password.in === undefined) return Prisma.sql`true`
    const user = passwordColumn(password.in.user)
    const id = cast(Prisma.sql`${column(mapping.id).sql}::text`, user.column)
    return Prisma.sql`(${Prisma.join(
      [Prisma.sql`${user.sql} = ${id}`, hashRow(passwordColumn)],
      ' AND ',
    )})`
  }

  /** The constant part of {@link isOwnPassword}. */
  function hashRow(passwordColumn: Parts['passwordColumn']): Prisma.Sql {
    const conditions = Object.entries(password.in?.where ?? {}).map(([column, is]) => ({ column, is }))
    return allHold(conditions, passwordColumn)
  }

  function from(known: Parts): Prisma.Sql {
    return Prisma.sql`FROM ${users} u
      ${passwords ? Prisma.sql`LEFT JOIN ${passwords} p ON ${isOwnPassword(known)}` : Prisma.empty}
      LEFT JOIN ${recovery} r ON r."users_table" = ${identity} AND r."account_id" = ${known.column(mapping.id).sql}::text`
  }

  function only({ column }: Parts): Prisma.Sql {
    return allHold(mapping.only, column)
  }

  async function findByLogin(
    ...[login, fields, choose = (ids) => ids]: Parameters<AccountStore['findByLogin']>
  ): Promise<Account[]> {
    const known = await parts()
    const { column } = known
    const byAddress = fields.includes('email')
    const usernames = fields.includes('username') && mapping.username !== undefined ? spellings(login) : []
    const chosen = choose(byAddress ? await findIdsByAddress(login) : [])
    const named =
      mapping.username === undefined
        ? Prisma.sql`false`
        : Prisma.sql`${column(mapping.username).sql} = ANY (${cast(Prisma.sql`${usernames}::text[]`, column(mapping.username).column, true)})`
    const id = column(mapping.id)
    const rows = await prisma.$queryRaw<Row[]>`SELECT ${columns(known)} ${from(known)}
      WHERE ${only(known)} AND (${named} OR ${id.sql} = ANY (${cast(Prisma.sql`${chosen}::text[]`, id.column, true)}))
      ORDER BY ${age(known)}`
    const canonical = canonicalAddress(login)
    return toAccounts(rows).filter(
      (account) =>
        usernames.includes(account.username) ||
        (byAddress && canonical !== null && canonicalAddress(account.email) === canonical),
    )
  }

  /** The spellings under which the product would have stored a typed username. */
  function spellings(login: string): string[] {
    if (mapping.usernameStored === 'lowercase') return usernameSpellings(login.toLowerCase())
    if (mapping.usernameStored === 'nfkc') return [...new Set([login, login.normalize('NFKC')])]
    return usernameSpellings(login)
  }

  /** The order of age: by the time of creation, else by the id, which often grows. */
  function age({ column }: Parts): Prisma.Sql {
    const id = column(mapping.id).sql
    return mapping.createdAt === undefined ? id : Prisma.sql`${column(mapping.createdAt).sql}, ${id}`
  }

  async function findIdsByAddress(address: string): Promise<string[]> {
    const known = await parts()
    const { column, passwordColumn } = known
    const forms = lookupForms(address)
    const email = column(mapping.email)
    const hash = passwordColumn(password.column)
    const isStored =
      mapping.emailStored === 'lowercase'
        ? Prisma.sql`${email.sql} = ${cast(Prisma.sql`form`, email.column)}`
        : Prisma.sql`lower(${email.sql}::text COLLATE "C") = form`
    const rows = await prisma.$queryRaw<{ id: string }[]>`
      SELECT found."id" FROM unnest(${forms}::text[]) AS form CROSS JOIN LATERAL (
        SELECT ${column(mapping.id).sql}::text AS "id", ${mapping.createdAt === undefined ? column(mapping.id).sql : column(mapping.createdAt).sql} AS "age"
          FROM ${users} u ${passwords ? Prisma.sql`JOIN ${passwords} p ON ${isOwnPassword(known)}` : Prisma.empty}
         WHERE ${isStored} AND ${only(known)} AND ${allHold(mapping.active, column)}
           AND ${hash.sql}::text <> '' AND ${noneHolds(password.none, passwordColumn)} AND ${email.sql}::text <> ''
         ORDER BY ${age(known)} LIMIT ${mostIds}) AS found
       ORDER BY found."age", found."id" LIMIT ${mostIds}`
    return rows.map(({ id }) => id)
  }

  async function findOne(login: string): Promise<Account | null> {
    const field = mapping.username === undefined ? 'email' : 'username'
    const found = await findByLogin(login, [field])
    const exact = found.filter(({ username }) => field === 'email' || username === login)
    return exact.length === 1 ? exact[0]! : null
  }

  async function read(id: string): Promise<{ account: Account | null; now: Date }> {
    const known = await parts()
    const clock = epochMilliseconds(Prisma.sql`now()`)
    const isMeant = canBeId(id, known.id)
      ? Prisma.sql`${known.column(mapping.id).sql} = ${cast(id, known.id)} AND ${only(known)}`
      : Prisma.sql`false`
    const rows = await prisma.$queryRaw<(Row & { now: bigint })[]>`
      WITH a AS (SELECT ${columns(known)} ${from(known)} WHERE ${isMeant})
      SELECT ${clock} AS "now", a.* FROM (SELECT 1) one LEFT JOIN a ON true`
    const [row] = rows
    if (row === undefined) throw new Error('The database returned no row for its own clock.')
    const [account = null] = row.id === null ? [] : toAccounts(rows)
    return { account, now: toDate(row.now) }
  }

  async function list(most: number): Promise<Account[]> {
    const known = await parts()
    const rows = await prisma.$queryRaw<Row[]>`
      SELECT ${columns(known)} ${from(known)} WHERE ${only(known)} ORDER BY ${age(known)} LIMIT ${most}`
    return toAccounts(rows)
  }

  async function replacePassword(
    tx: Transaction,
    id: string,
    signed: LinkState,
    newHash: string,
    { bindPassword }: { bindPassword: boolean },
  ): Promise<boolean> {
    const known = await parts()
    if (!canBeId(id, known.id)) return false
    const isAccount = Prisma.sql`${known.column(mapping.id).sql} = ${cast(id, known.id)} AND ${only(known)}`
    await tx.$queryRaw`SELECT 1 AS "locked" FROM ${users} u WHERE ${isAccount} FOR NO KEY UPDATE OF u`
    const isHashRow = hashRowOf(known, id)
    const isRecovery = Prisma.sql`"users_table" = ${identity} AND "account_id" = ${id}`
    if (passwords)
      await tx.$queryRaw`SELECT 1 AS "locked" FROM ${passwords} p WHERE ${isHashRow} FOR NO KEY UPDATE OF p`
    await tx.$executeRaw`
      INSERT INTO ${recovery} ("users_table", "account_id") VALUES (${identity}, ${id})
      ON CONFLICT ("users_table", "account_id") DO NOTHING`
    await tx.$queryRaw`SELECT 1 AS "locked" FROM ${recovery} WHERE ${isRecovery} FOR UPDATE`

    const rows = await tx.$queryRaw<Row[]>`SELECT ${columns(known)} ${from(known)} WHERE ${isAccount}`
    const [account] = toAccounts(rows)
    if (account === undefined || !isAsSigned(account, signed, bindPassword)) return false

    const table = passwords ? Prisma.sql`${passwords} p` : Prisma.sql`${users} u`
    const changed = await tx.$executeRaw`
      UPDATE ${table} SET ${Prisma.join(assignments(known, newHash))} WHERE ${passwords ? isHashRow : isAccount}`
    if (changed !== 1) throw new Error(`A password would have changed in ${changed} rows instead of one.`)
    await tx.$executeRaw`
      UPDATE ${recovery} SET "password_changed_at" = now(), "updated_at" = now() WHERE ${isRecovery}`
    for (const { rows: ended, column } of known.ended) {
      const user = column(ended.user)
      const value = ended.by === 'email' ? account.email : id
      await tx.$executeRaw`
        DELETE FROM ${qualified(tableName(ended.table))} e
         WHERE ${user.sql} = ${cast(value, user.column)} AND ${allHold(ended.where, column)}`
    }
    return true
  }

  /** Whether a row `p` holds the hash of the account with this id. */
  function hashRowOf({ passwordColumn }: Parts, id: string): Prisma.Sql {
    if (password.in === undefined) return Prisma.sql`true`
    const user = passwordColumn(password.in.user)
    return Prisma.sql`${user.sql} = ${cast(id, user.column)} AND ${hashRow(passwordColumn)}`
  }

  function assignments({ passwordColumn }: Parts, newHash: string): Prisma.Sql[] {
    const values: [name: string, value: Written][] = [
      [password.column, newHash],
      ...(password.changedAt === undefined ? [] : [[password.changedAt, 'now'] satisfies [string, Written]]),
      ...Object.entries(mapping.set ?? {}),
    ]
    return values.map(([name, value], nth) => {
      const { column } = passwordColumn(name)
      // The hash itself could be the word "now".
      const written = nth > 0 && value === 'now' ? now(column) : writtenValue(value, column)
      return Prisma.sql`${identifier(name)} = ${written}`
    })
  }

  function toAccounts(rows: Row[]): Account[] {
    const byId = Map.groupBy(rows, ({ id }) => id)
    return [...byId.values()].map((ofOne) => {
      const [row] = ofOne as [Row]
      const hash = row.passwordHash ?? ''
      return {
        id: row.id,
        username: row.username ?? '',
        email: row.email ?? '',
        firstName: row.firstName ?? '',
        lastName: row.lastName ?? '',
        name: row.name ?? '',
        label: row.label ?? '',
        locale: row.locale,
        passwordHash: row.passwordHash,
        // Of two hashes nobody could tell which one the product verifies.
        hasPassword:
          ofOne.length === 1 &&
          hash !== '' &&
          !row.isMarkedPasswordless &&
          formats.some((format) => format.matches(hash)),
        isActive: row.isActive,
        passwordChangedAt: row.passwordChangedAt === null ? null : toDate(row.passwordChangedAt),
        linksEpoch: row.linksEpoch ?? 0,
      }
    })
  }

  return { identity, findByLogin, findIdsByAddress, findOne, read, list, replacePassword }
}

/** Whether nothing changed that a link signs, and there still is a password to replace. */
function isAsSigned(account: Account, signed: LinkState, bindPassword: boolean): boolean {
  return (
    account.isActive &&
    account.hasPassword &&
    account.email === signed.email &&
    account.linksEpoch === signed.linksEpoch &&
    (account.passwordHash === signed.passwordHash || !bindPassword)
  )
}

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function writtenValue(value: Written, column: Column): Prisma.Sql {
  if (value === null) return Prisma.sql`NULL`
  if (typeof value !== 'object') return cast(String(value), column)
  const drawn = Array.from({ length: value.random }, () => lettersAndDigits[randomInt(lettersAndDigits.length)])
  return cast(drawn.join(''), column)
}

/**
 * Finds the types of all named columns.
 *
 * @throws Error that names the table or the column that does not exist
 */
async function readParts(pool: Database['pool'], mapping: UsersTable): Promise<Parts> {
  const { password, end = [] } = mapping
  const tables = [mapping.table, ...(password.in ? [password.in.table] : []), ...end.map(({ table }) => table)]
  const catalogue = await readCatalogue(pool, tables.map(tableName))
  const columnsOf = (table: string, alias: Prisma.Sql) => (name: string) => {
    const { schema, name: relation } = tableName(table)
    const column = catalogue.get(`${schema}.${relation}`)?.columns.get(name)
    if (column === undefined) throw new Error(`The table ${table} has no column ${name}.`)
    return { sql: Prisma.sql`${alias}.${identifier(name)}`, column }
  }
  const column = columnsOf(mapping.table, Prisma.sql`u`)
  const exists = (table: string) => catalogue.has(identityOf({ table }))
  return {
    id: column(mapping.id).column,
    column,
    passwordColumn: password.in ? columnsOf(password.in.table, Prisma.sql`p`) : column,
    ended: end
      .filter(({ table, ifPresent }) => !ifPresent || exists(table))
      .map((rows) => ({ rows, column: columnsOf(rows.table, Prisma.sql`e`) })),
  }
}
