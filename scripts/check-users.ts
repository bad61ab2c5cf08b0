import { mayReset, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import { grantsFor, revokingTrigger } from '@/lib/accounts/check/grants'
import { isUnknownHash } from '@/lib/accounts/check/rows'
import { statementsOf } from '@/lib/accounts/check/statements'
import {
  identityOf,
  namedColumns,
  passwordColumns,
  tableName,
  type UsersTable,
} from '@/lib/accounts/users-table'
import { mayBeMailed } from '@/lib/addresses/email-address'
import type { Database } from '@/lib/database/pool'
import { inspectUsersTable, storeProof, type UsersTableReport } from '@/lib/setup/users-table'

type Options = {
  database: Database
  accounts: AccountStore
  mapping: UsersTable
  /** False for Rekey's own table, which needs no check. */
  isForeign: boolean
  login?: string | undefined
  showSql: boolean
  /** The known password of the proof. */
  password?: string | undefined
}

/**
 * `npm run accounts -- check`: prints what the mapping resolves to, what is wrong with it, and what would become of a login.
 *
 * @returns the exit code: 1 where something must be corrected
 */
export async function checkUsers(options: Options): Promise<number> {
  const { database, mapping, isForeign, login, showSql } = options
  if (!isForeign && showSql)
    console.log('The accounts are in Rekey’s own table: `npm run migrate` grants what it needs.')
  const report = isForeign ? await inspectUsersTable(database, mapping) : undefined
  if (report !== undefined) {
    printMapping(mapping, report)
    for (const warning of report.warnings) console.log(`warning  ${warning}`)
    for (const problem of report.problems) console.log(`PROBLEM  ${problem}`)
    if (showSql) await printSql(database, mapping, report)
    if (report.problems.length > 0) return 1
  }
  if (login === undefined) {
    if (report !== undefined) console.log(report.isProven ? proven : notProven)
    return 0
  }
  return checkLogin(options, login)
}

/** Accounts of one address that are looked at. */
const most = 50

const proven = 'ok       A password was verified with this mapping: production starts.'
const notProven =
  'note     No password was verified with this mapping yet: `npm run accounts -- check LOGIN --password-stdin`.'

function printMapping(mapping: UsersTable, { catalogue }: UsersTableReport): void {
  const typeOf = (table: string, column: string) =>
    catalogue.get(identityOf({ table }))?.columns.get(column)?.typeName ?? 'missing'
  const lines = [
    ...namedColumns(mapping).map(([option, column]) => [option, mapping.table, column]),
    ...(mapping.password.in
      ? passwordColumns(mapping).map(([option, column]) => [option, mapping.password.in!.table, column])
      : []),
  ] as [string, string, string][]
  for (const [option, table, column] of lines) {
    const { schema, name } = tableName(table)
    console.log(`${`users.${option}`.padEnd(24)} ${schema}.${name}.${column}  ${typeOf(table, column)}`)
  }
  console.log(`${'users.password.format'.padEnd(24)} ${mapping.password.format.name}`)
}

async function printSql(database: Database, mapping: UsersTable, report: UsersTableReport): Promise<void> {
  console.log('\n-- What the role of DATABASE_URL needs, and nothing more:')
  for (const grant of grantsFor(mapping, report.catalogue, report.role)) console.log(grant)
  if (report.problems.length === 0) {
    let purpose = ''
    for (const statement of await statementsOf(database, mapping)) {
      if (statement.purpose !== purpose) console.log(`\n-- ${statement.purpose}:`)
      purpose = statement.purpose
      console.log(`${statement.sql};`)
    }
  }
  console.log(
    '\n-- Optional, by the owner of the table: revokes links also when an address or a status is changed and put back within',
    "\n-- a link's life. It runs within the product's own updates.",
  )
  console.log(revokingTrigger(mapping, identityOf(mapping), database.schemas.own))
  console.log()
}

async function checkLogin({ database, accounts, mapping, isForeign, password }: Options, login: string) {
  const named = await accounts.findByLogin(login, ['username'])
  const ids = new Set([
    ...named.map(({ id }) => id),
    ...(await accounts.findIdsByAddress(login, false)).slice(0, most),
  ])
  const read = await Promise.all([...ids].map((id) => accounts.read(id)))
  const all = read.flatMap(({ account }) => account ?? [])
  if (all.length === 0) {
    console.log(`No account has the login ${JSON.stringify(login)}.`)
    return 1
  }
  for (const account of all)
    console.log(`${account.id}  ${account.username || account.email}: ${outcomeOf(account, mapping)}`)
  if (password === undefined) return 0

  const { format, accepts = [] } = mapping.password
  const verifies = async (one: typeof format) =>
    (await Promise.all(all.map(({ passwordHash }) => one.verify(password, passwordHash ?? '')))).some(Boolean)
  if (await verifies(format)) {
    if (isForeign) await storeProof(database, mapping)
    console.log(
      `This is the password, in the format ${format.name}.${isForeign ? ' Production may start.' : ''}`,
    )
    return 0
  }
  for (const older of accepts)
    if (await verifies(older)) {
      console.log(
        `This is the password, but stored as ${older.name}: it proves nothing about ${format.name}, which a reset writes. Set it anew in your application.`,
      )
      return 1
    }
  console.log(
    `This is not the password. If your application takes it, the mapping is wrong: format, cost, pepper or normalisation.`,
  )
  return 1
}

/** What a request for a link would come to. */
function outcomeOf(account: Account, mapping: UsersTable): string {
  if (mayReset(account))
    return mayBeMailed(account.email) ? 'gets an email' : 'no email, because none may go to its address'
  if (!account.isActive) return 'no email, because it is not active (users.active)'
  if (account.email === '') return 'no email, because it has no address'
  return isUnknownHash(account.passwordHash ?? '', mapping)
    ? 'no email, because its stored hash is in no format of the mapping'
    : 'no email, because it has no password of its own'
}
