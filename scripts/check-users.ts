import { signInName, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import { usersGrantStatements, revokeLinksTriggerSql } from '@/lib/accounts/check/grants'
import type { PasswordFormat } from '@/lib/passwords/hashers/password-format'
import { outlineOfHash } from '@/lib/passwords/hashers/outline'
import { listResetStatements } from '@/lib/accounts/check/statements'
import {
  identityOf,
  usersTableColumns,
  passwordTableColumns,
  parseTableName,
  type UsersMapping,
} from '@/lib/accounts/users-table'
import { mayBeMailed } from '@/lib/addresses/email-address'
import { auditEvents, type AuditLog } from '@/lib/audit/audit'
import type { Database } from '@/lib/database/pool'
import { escapeForTerminal } from './escape-for-terminal'
import { inspectUsersTable, storeMappingProof, type UsersTableReport } from '@/lib/setup/users-table'

type Options = {
  database: Database
  accounts: AccountStore
  audit: Pick<AuditLog, 'history'>
  mapping: UsersMapping
  /** False for Rekey's own table. */
  isForeign: boolean
  login?: string | undefined
  showSql: boolean
  /** A known password of the account, to prove the mapping. */
  password?: string | undefined
}

/** Checks the users mapping and, with a login, its accounts and a known password. @returns the exit code: 1 if a check fails */
export async function checkUsersCommand(options: Options): Promise<number> {
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

/** The most accounts of one email address to check. */
const most = 50

/** In bytes. Bcrypt ignores everything after 72 bytes, so after a long password it would ignore a wrong pepper. */
const longestProof = 32

const proven = 'ok       A password was verified with this mapping: production starts.'
const notProven =
  'note     No password was verified with this mapping yet: `npm run accounts -- check LOGIN --password-stdin`.'

function printMapping(mapping: UsersMapping, { catalogue }: UsersTableReport): void {
  const typeOf = (table: string, column: string) =>
    catalogue.get(identityOf({ table }))?.columns.get(column)?.typeName ?? 'missing'
  const lines = [
    ...usersTableColumns(mapping).map(([option, column]) => [option, mapping.table, column]),
    ...(mapping.password.in
      ? passwordTableColumns(mapping).map(([option, column]) => [option, mapping.password.in!.table, column])
      : []),
  ] as [string, string, string][]
  for (const [option, table, column] of lines) {
    const { schema, name } = parseTableName(table)
    console.log(`${`users.${option}`.padEnd(24)} ${schema}.${name}.${column}  ${typeOf(table, column)}`)
  }
  console.log(`${'users.password.format'.padEnd(24)} ${mapping.password.format.name}`)
}

async function printSql(database: Database, mapping: UsersMapping, report: UsersTableReport): Promise<void> {
  console.log('\n-- What the role of DATABASE_URL needs, and nothing more:')
  for (const grant of usersGrantStatements(mapping, report.catalogue, report.role)) console.log(grant)
  if (report.problems.length === 0) {
    let purpose = ''
    for (const statement of await listResetStatements(database, mapping)) {
      if (statement.purpose !== purpose) console.log(`\n-- ${statement.purpose}:`)
      purpose = statement.purpose
      console.log(`${statement.sql};`)
    }
  }
  const relation = report.catalogue.get(identityOf(mapping))
  if (relation?.kind === 'table') {
    console.log(
      '\n-- Optional: revokes links also when an address or a status is changed and put back within the life of a link.',
    )
    console.log("-- It runs within the product's own updates.")
    console.log(revokeLinksTriggerSql(mapping, identityOf(mapping), database.schemas.own, relation.owner))
  }
  console.log()
}

async function checkLogin(
  { database, accounts, audit, mapping, isForeign, password }: Options,
  login: string,
) {
  const named = await accounts.findByLogin(login, ['username'])
  const ids = new Set([
    ...named.map(({ id }) => id),
    ...(await accounts.findIdsByEmail(login, false)).slice(0, most),
  ])
  const read = await Promise.all([...ids].map((id) => accounts.read(id)))
  const all = read.flatMap(({ account }) => account ?? [])
  if (all.length === 0) {
    console.log(`No account has the login ${JSON.stringify(login)}.`)
    return 1
  }
  for (const account of all)
    console.log(
      `${escapeForTerminal(account.id)}  ${escapeForTerminal(signInName(account))}: ${describeRequestOutcome(account)}`,
    )
  if (password === undefined) return 0

  return provePassword({ database, audit, mapping, isForeign }, all, password)
}

/** Stores the proof if the product hashes a known password as a reset would. @returns the exit code: 1 if it proves nothing */
async function provePassword(
  { database, audit, mapping, isForeign }: Pick<Options, 'database' | 'audit' | 'mapping' | 'isForeign'>,
  accounts: readonly Account[],
  password: string,
): Promise<number> {
  const { format, accepts = [] } = mapping.password
  if (Buffer.byteLength(format.normalise(password)) > longestProof) {
    console.log(
      `Use a password of ${longestProof} bytes at most: of a longer one, formats cut the end or the pepper.`,
    )
    return 1
  }
  for (const { id } of accounts)
    if (isForeign && (await audit.history(id)).some(({ event }) => event === auditEvents.changed)) {
      console.log(
        'Rekey itself has set the password of this account: use one whose password only your application has set.',
      )
      return 1
    }
  const hashes = accounts.flatMap(({ passwordHash }) => passwordHash ?? [])
  const findVerified = async (one: PasswordFormat) => {
    for (const hash of hashes) if (await one.verify(password, hash)) return hash
    return undefined
  }
  const stored = await findVerified(format)
  if (stored !== undefined) {
    const [is, wouldBe] = [outlineOfHash(stored), outlineOfHash(await format.hash(password))]
    if (is !== wouldBe) {
      console.log(
        `This is the password, but your application stores it as ${is}, and a reset would write ${wouldBe}. Correct password.format or, if the hash is an old one, set the password anew in your application.`,
      )
      return 1
    }
    if (isForeign) await storeMappingProof(database, mapping)
    console.log(
      `This is the password, in the format ${format.name}.${isForeign ? ' Production may start.' : ''}`,
    )
    return 0
  }
  for (const older of accepts)
    if ((await findVerified(older)) !== undefined) {
      console.log(
        `This is the password, but stored as ${older.name}: it proves nothing about ${format.name}, which a reset writes. Set it anew in your application.`,
      )
      return 1
    }
  console.log(
    'This is not the password. If your application takes it, the mapping is wrong: format, pepper or normalisation.',
  )
  return 1
}

const passwordProblems = {
  none: 'it has no password of its own',
  'unknown-format': 'its stored hash is in no format of the mapping',
  'several-hashes': 'several rows hold a hash of it',
}

/** Describes whether an account's data allow an email with a link and, if not, why. */
export function describeRequestOutcome(account: Account): string {
  const { isActive, email, passwordProblem } = account
  if (!isActive) return 'no email, because it is not active (users.active)'
  if (email === '') return 'no email, because it has no address'
  if (passwordProblem !== null) return `no email, because ${passwordProblems[passwordProblem]}`
  return mayBeMailed(email) ? 'gets an email' : 'no email, because none may go to its address'
}
