import { randomInt } from 'node:crypto'
import { isResettable, type Account, type SignedState } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import type { UsersMapping, WrittenValue } from '@/lib/accounts/users-table'
import type { Database, Transaction } from '@/lib/database/pool'
import { Prisma } from '@/prisma/client/client'
import type { Column } from './catalogue'
import type { AccountRow, MappedTableSql } from './mapped-table-sql'
import { allHold, canBeId, cast, identifier, nowSql } from './sql-parts'

type Parts = {
  table: MappedTableSql
  mapping: UsersMapping
  identity: string
  recovery: Database['names']['recovery']
  toAccounts(rows: AccountRow[]): Account[]
}

/** Implements `AccountStore.replacePassword`. */
export async function replacePassword(
  { table, mapping, identity, recovery, toAccounts }: Parts,
  ...[tx, id, signed, newHash, { bindPassword }]: Parameters<AccountStore['replacePassword']>
): Promise<{ endedSignIns: number } | null> {
  if (!canBeId(id, table.id)) return null
  const { users, passwords } = table
  const [isAccount, isHash] = [table.isAccount(id), table.isHashOf(id)]
  await tx.$queryRaw`SELECT 1 AS "locked" FROM ${users} u WHERE ${isAccount} FOR NO KEY UPDATE OF u`
  if (passwords)
    await tx.$queryRaw`SELECT 1 AS "locked" FROM ${passwords} p WHERE ${isHash} FOR NO KEY UPDATE OF p`
  // A separate statement: a statement that waits for a lock reads other rows as they were before the wait.
  const rows = await tx.$queryRaw<AccountRow[]>`SELECT ${table.columns} ${table.from} WHERE ${isAccount}`
  const [account] = toAccounts(rows)
  if (account === undefined || !isAsSigned(account, signed, bindPassword)) return null
  if (!(await recordChange(tx, recovery, identity, id, signed.linksEpoch))) return null

  const target = passwords ? Prisma.sql`${passwords} p` : Prisma.sql`${users} u`
  const changed = await tx.$executeRaw`
    UPDATE ${target} SET ${Prisma.join(assignments(table, mapping, newHash))} WHERE ${passwords ? isHash : isAccount}`
  if (changed !== 1) throw new Error(`A password would have changed in ${changed} rows instead of one.`)
  let endedSignIns = 0
  for (const ended of table.ended) {
    const user = ended.column(ended.rows.user)
    const value = ended.rows.by === 'email' ? account.email : id
    const deleted = await tx.$executeRaw`
      DELETE FROM ${ended.table} e
       WHERE ${user.sql} = ${cast(value, user.column)} AND ${allHold(ended.rows.where, ended.column)}`
    if (ended.rows.holds !== 'reset-links') endedSignIns += deleted
  }
  return { endedSignIns }
}

/** Stores the time of the change; returns false if the epoch is not the signed one. A missing row stands for the epoch 0. */
async function recordChange(
  tx: Transaction,
  recovery: Prisma.Sql,
  identity: string,
  id: string,
  epoch: number,
): Promise<boolean> {
  const isSigned = Prisma.sql`r."links_epoch" = ${epoch}`
  const written = Prisma.sql`"password_changed_at" = now(), "updated_at" = now()`
  const recorded =
    epoch === 0
      ? await tx.$executeRaw`
          INSERT INTO ${recovery} AS r ("users_table", "account_id", "password_changed_at") VALUES (${identity}, ${id}, now())
          ON CONFLICT ("users_table", "account_id") DO UPDATE SET ${written} WHERE ${isSigned}`
      : await tx.$executeRaw`
          UPDATE ${recovery} r SET ${written} WHERE r."users_table" = ${identity} AND r."account_id" = ${id} AND ${isSigned}`
  return recorded === 1
}

function isAsSigned(account: Account, signed: SignedState, bindPassword: boolean): boolean {
  return (
    isResettable(account) &&
    account.email === signed.email &&
    (account.passwordHash === signed.passwordHash || !bindPassword)
  )
}

function assignments(
  { passwordColumn }: MappedTableSql,
  { password, set = {} }: UsersMapping,
  newHash: string,
): Prisma.Sql[] {
  const assign = (name: string, value: Prisma.Sql) => Prisma.sql`${identifier(name)} = ${value}`
  const beside: [name: string, value: WrittenValue][] = [
    ...(password.changedAt === undefined
      ? []
      : [[password.changedAt, 'now'] satisfies [string, WrittenValue]]),
    ...Object.entries(set),
  ]
  return [
    assign(password.column, cast(newHash, passwordColumn(password.column).column)),
    ...beside.map(([name, value]) => assign(name, written(value, passwordColumn(name).column))),
  ]
}

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function written(value: WrittenValue, column: Column): Prisma.Sql {
  if (value === null) return Prisma.sql`NULL`
  if (value === 'now') return nowSql(column)
  if (typeof value !== 'object') return cast(String(value), column)
  const letters = Array.from(
    { length: value.random },
    () => lettersAndDigits[randomInt(lettersAndDigits.length)],
  )
  return cast(letters.join(''), column)
}
