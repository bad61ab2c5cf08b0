import { randomInt, randomUUID } from 'node:crypto'
import type { Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import { identityOf, type UsersMapping } from '@/lib/accounts/users-table'
import { canonicalEmail } from '@/lib/addresses/email-address'
import type { BatchBounds } from '@/lib/database/batch-queue'
import { epochMilliseconds, toDate } from '@/lib/database/instants'
import type { Database, Transaction } from '@/lib/database/pool'
import { createStatementQueue } from '@/lib/database/statement-queue'
import type { PasswordFormat } from '@/lib/passwords/hashers/password-format'
import { usernameSpellings } from '@/lib/text/username'
import { Prisma } from '@/prisma/client/client'
import { findIdsStatement } from './find-ids'
import { createLookUpRunner } from './look-ups'
import { composeMappedTableSql, type AccountRow, type MappedTableSql } from './mapped-table-sql'
import { replacePassword } from './replace-password'
import { canBeId, cast } from './sql-parts'

/** `waiting` is above the number of requests and emails that a process handles at once. */
const readBounds: BatchBounds = { waiting: 2000, underWay: 2, perClient: 1, size: 200 }

/** Creates the store of the accounts in the table that a mapping describes. */
export function createSqlAccountStore(
  database: Pick<Database, 'queries' | 'names' | 'transaction'>,
  mapping: UsersMapping,
  identity = identityOf(mapping),
): AccountStore {
  const { queries } = database
  const { recovery } = database.names
  // `ownIdentity`, which cannot be imported, because own-table.ts imports this module.
  const isOwn = identity === ''
  const runLookUp = createLookUpRunner(database, mapping)
  /** Indexes of Rekey's own table serve the look-ups of requests, so these need neither a turn nor a time limit. */
  const lookUp: typeof runLookUp = (work) => (isOwn ? work(queries) : runLookUp(work))
  const toAccounts = (rows: AccountRow[]) => accountsOf(rows, mapping)

  let described: Promise<MappedTableSql> | undefined
  /** @param client the caller's transaction, if any: callers that each wait for a second connection could block the pool */
  function describe(client: Pick<Transaction, '$queryRaw'> = queries): Promise<MappedTableSql> {
    described ??= composeMappedTableSql(client, recovery, mapping, identity).catch((error: unknown) => {
      described = undefined
      throw error
    })
    return described
  }

  async function findByLogin(
    ...[login, fields, choose = (ids) => ids]: Parameters<AccountStore['findByLogin']>
  ): Promise<Account[]> {
    const table = await describe()
    const byAddress = fields.includes('email')
    const usernames = fields.includes('username') && mapping.username !== undefined ? spellings(login) : []
    const id = table.column(mapping.id)
    const rows = await lookUp(async (client) => {
      const chosen = choose(byAddress ? await findIds(client, table, login) : [])
      return client.$queryRaw<AccountRow[]>`SELECT ${table.columns} ${table.from}
        WHERE ${table.isMapped}
          AND (${isNamed(table, usernames)} OR ${id.sql} = ANY (${cast(Prisma.sql`${chosen}::text[]`, id.column, true)}))
        ORDER BY ${table.age}`
    })
    const canonical = canonicalEmail(login)
    return toAccounts(rows).filter(
      (account) =>
        usernames.includes(account.username) ||
        (byAddress && canonical !== null && canonicalEmail(account.email) === canonical),
    )
  }

  function isNamed({ column }: MappedTableSql, usernames: string[]): Prisma.Sql {
    if (mapping.username === undefined) return Prisma.sql`false`
    const username = column(mapping.username)
    return Prisma.sql`${username.sql} = ANY (${cast(Prisma.sql`${usernames}::text[]`, username.column, true)})`
  }

  function spellings(login: string): string[] {
    if (mapping.usernameStored === 'lowercase') return usernameSpellings(login.toLowerCase())
    if (mapping.usernameStored === 'nfkc') return [...new Set([login, login.normalize('NFKC')])]
    return usernameSpellings(login)
  }

  async function findIdsByEmail(email: string, resettable = true): Promise<string[]> {
    const table = await describe()
    return lookUp((client) => findIds(client, table, email, resettable))
  }

  async function findIds(
    client: Pick<Transaction, '$queryRaw'>,
    table: MappedTableSql,
    email: string,
    resettable = true,
  ): Promise<string[]> {
    const options = { resettable, hasOwnIndex: isOwn }
    const statement = findIdsStatement(email, table, mapping, options)
    const rows = await client.$queryRaw<{ id: string }[]>`${statement}`
    return rows.map(({ id }) => id)
  }

  async function findOne(login: string): Promise<Account | null> {
    if (mapping.username !== undefined) {
      const found = await findByLogin(login, ['username'])
      const [account, another] = found.filter(({ username }) => username === login)
      return account === undefined || another !== undefined ? null : account
    }
    const ids = await findIdsByEmail(login, false)
    const found = await Promise.all(ids.map(async (id) => (await read(id)).account))
    // A collation of the column may find addresses that are not the same.
    const [account, another] = found.filter(
      (one) => one !== null && canonicalEmail(one.email) === canonicalEmail(login),
    )
    return another === undefined ? (account ?? null) : null
  }

  /** @returns a result for each id, in the order of the ids */
  async function readAll(ids: string[]): Promise<{ account: Account | null; now: Date }[]> {
    const table = await describe()
    const id = table.column(mapping.id)
    const possible = [...new Set(ids)].filter((text) => canBeId(text, table.id))
    const rows = await queries.$queryRaw<(AccountRow & { now: bigint })[]>`
      WITH a AS (SELECT ${table.columns} ${table.from}
        WHERE ${id.sql} = ANY (${cast(Prisma.sql`${possible}::text[]`, id.column, true)}) AND ${table.isMapped})
      SELECT ${epochMilliseconds(Prisma.sql`now()`)} AS "now", a.* FROM (SELECT 1) one LEFT JOIN a ON true`
    const [first] = rows
    if (first === undefined) throw new Error('The database returned no row for its own clock.')
    const found = first.id === null ? [] : toAccounts(rows)
    const accounts = new Map(found.map((account) => [account.id, account]))
    return ids.map((one) => ({ account: accounts.get(one) ?? null, now: toDate(first.now) }))
  }

  const reading = createStatementQueue(readAll, readBounds)
  const read = (id: string) => reading.add(id)

  async function simulateRead(): Promise<void> {
    const { family } = (await describe()).id
    const isNumber = ['smallint', 'integer', 'bigint'].includes(family)
    await read(isNumber ? String(-1 - randomInt(30_000)) : randomUUID())
  }

  async function readMany(most: number, isSorted: boolean): Promise<Account[]> {
    const table = await describe()
    const order = isSorted ? Prisma.sql`ORDER BY ${table.age}` : Prisma.empty
    const rows = await queries.$queryRaw<AccountRow[]>`
      SELECT ${table.columns} ${table.from} WHERE ${table.isMapped} ${order} LIMIT ${most}`
    return toAccounts(rows)
  }

  return {
    identity,
    findByLogin,
    findIdsByEmail,
    findOne,
    read,
    simulateRead,
    list: (most) => readMany(most, true),
    sample: (most) => readMany(most, false),
    async replacePassword(tx, ...given) {
      const parts = { table: await describe(tx), mapping, identity, recovery, toAccounts }
      return replacePassword(parts, tx, ...given)
    },
  }
}

function accountsOf(rows: AccountRow[], { password }: UsersMapping): Account[] {
  const formats = [password.format, ...(password.accepts ?? [])]
  return [...Map.groupBy(rows, ({ id }) => id).values()].map((ofOne) => {
    const [row] = ofOne as [AccountRow]
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
      passwordProblem: problemOf(ofOne, formats),
      isActive: row.isActive,
      passwordChangedAt: row.passwordChangedAt === null ? null : toDate(row.passwordChangedAt),
      linksEpoch: row.linksEpoch ?? 0,
    }
  })
}

function problemOf(rows: AccountRow[], formats: readonly PasswordFormat[]): Account['passwordProblem'] {
  const [{ passwordHash, isMarkedPasswordless }] = rows as [AccountRow]
  if (rows.length > 1) return 'several-hashes'
  if (passwordHash === null || passwordHash === '' || isMarkedPasswordless) return 'none'
  return formats.some((format) => format.matches(passwordHash)) ? null : 'unknown-format'
}
