import { parseArgs } from 'node:util'
import { createOwnAccounts, ownUsersMapping, UsernameTaken } from '@/lib/accounts/adapters/own-table'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { mappingOfDemoProduct } from '@/lib/accounts/presets/demo-product'
import { identityOf } from '@/lib/accounts/users-table'
import { createAuditLog } from '@/lib/audit/audit'
import { readDemoProduct } from '@/lib/config/demo-product'
import { SettingsError } from '@/lib/config/settings'
import { openDatabase } from '@/lib/database/pool'
import { createLog } from '@/lib/logging/log'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import configuration from '@/rekey.config'
import { findOrStartDatabase } from './accounts/find-or-start-database'
import { Mistake } from './accounts/mistake'
import { addAccount, listAccounts, setActive } from './accounts/own-accounts'
import { readPassword } from './accounts/read-password'
import {
  cancelLinksCommand,
  findAccount,
  historyCommand,
  liftLimitCommand,
  printLinkCommand,
  readActor,
  requestsCommand,
  sendLinkCommand,
} from './accounts/support'
import { checkUsersCommand } from './check-users'
import { printMailHealth } from './mail-health'

const usage = `Usage: npm run accounts -- <command>

A person who needs help; <login> is a username, or an address that only one account has:
  requests <login>       each live request: when it was made, and whether its email left and its link was opened
  history <login>        the audit entries of the account, oldest first
  send-link <login> --as NAME
                         sends an email with a link, as if the person had requested it
  print-link <login> --as NAME [--force]
                         prints a link that lives 15 minutes, for a person whose mailbox is lost; --force: into a pipe
  cancel-links <login> --as NAME
                         makes all links of the account invalid
  lift-limit <login> --as NAME
  lift-limit --client ADDRESS --as NAME
                         lifts the limits of an account, or those of a client
  verify <login>         reads a password from standard input; exit code 0 when it is the account's, else 1

The installation:
  check [login] [--sql] [--password-stdin]
                         compares the users mapping of rekey.config.ts with the database; with a login, says which
                         accounts would get an email; --sql prints grants and statements; --password-stdin verifies
                         a known password, without which production does not start on a mapped table
  mail [--json]          whether emails leave, and if not, why; exit code 1 when they do not
  list                   the accounts, oldest first, at most 10,000

Rekey's own table:
  add <username> <email> [--first-name x] [--last-name x] [--locale xx] [--inactive] [--password-stdin]
                         adds an account; "" for no address; without --password-stdin it has no password
                         and gets no reset emails
  deactivate <username>  the account can no longer be reset, and its links become invalid
  activate <username>    the account can be reset again; its old links stay invalid

--as NAME is stored in the audit log. Times are in the time zone of TZ.
With --users django or --users better-auth: the accounts of the demo that has the tables of this product.`

const commands = new Map<string, [fewest: number, most: number]>([
  ['add', [2, 2]],
  ['list', [0, 0]],
  ['verify', [1, 1]],
  ['deactivate', [1, 1]],
  ['activate', [1, 1]],
  ['history', [1, 1]],
  ['requests', [1, 1]],
  ['send-link', [1, 1]],
  ['print-link', [1, 1]],
  ['cancel-links', [1, 1]],
  ['lift-limit', [0, 1]],
  ['check', [0, 1]],
  ['mail', [0, 0]],
])

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  const [command = '', ...rest] = positionals
  const [fewest, most] = commands.get(command) ?? [Infinity, 0]
  if (rest.length < fewest || rest.length > most) throw new Mistake(usage)
  if (command === 'lift-limit' && (values.client === undefined) === (rest.length === 0))
    throw new Mistake(usage)
  const [login = '', email = ''] = rest
  const needsActor = ['send-link', 'print-link', 'cancel-links', 'lift-limit'].includes(command)
  const actor = needsActor ? readActor(values.as) : ''

  const product = readDemoProduct(process.env)
  // The demo's database does not have the team's users table.
  const isDemo = !process.env.DATABASE_URL?.trim()
  const mapping = product ? mappingOfDemoProduct(product) : isDemo ? undefined : configuration.users
  if (mapping && ['add', 'activate', 'deactivate'].includes(command))
    throw new Mistake(`The accounts are in ${identityOf(mapping)}: only their own application changes them.`)
  const { url, schemas, close } = await findOrStartDatabase(mapping === undefined)
  const log = createLog('fatal', 'accounts')
  const database = openDatabase({ url, poolSize: 2, schemas }, log)
  const ownAccounts = createOwnAccounts(database)
  const accounts = mapping ? createSqlAccountStore(database, mapping) : ownAccounts
  const audit = createAuditLog(database, accounts.identity, log)
  const { format, accepts } = (mapping ?? ownUsersMapping(schemas)).password
  const hash = createHashQueue({ format, ...(accepts && { accepts }) })
  const parts = { accounts, audit, database }
  const find = () => findAccount(accounts, login)
  try {
    switch (command) {
      case 'add':
        await addAccount(ownAccounts, {
          username: login,
          email,
          firstName: values['first-name'] ?? '',
          lastName: values['last-name'] ?? '',
          locale: values.locale ?? null,
          isActive: !values.inactive,
          passwordHash: values['password-stdin'] ? await hash.hash(await readPassword()) : null,
        })
        return 0
      case 'list':
        await listAccounts(accounts)
        return 0
      case 'verify': {
        const account = await accounts.findOne(login)
        const matches = await hash.verify(account?.passwordHash ?? '', await readPassword())
        console.log(matches ? 'This is the password.' : 'This is not the password.')
        return matches ? 0 : 1
      }
      case 'history':
        await historyCommand(parts, await find())
        return 0
      case 'requests':
        await requestsCommand(parts, await find())
        return 0
      case 'send-link':
        await sendLinkCommand(parts, await find(), actor)
        return 0
      case 'print-link':
        await printLinkCommand(await find(), actor, values.force)
        return 0
      case 'cancel-links':
        await cancelLinksCommand(parts, await find(), actor)
        return 0
      case 'lift-limit':
        await liftLimitCommand(values.client === undefined ? await find() : { client: values.client }, actor)
        return 0
      case 'check':
        if (values['password-stdin'] && rest.length === 0)
          throw new Mistake('--password-stdin needs the login of an account whose password you know.')
        return await checkUsersCommand({
          database,
          accounts,
          audit,
          mapping: mapping ?? ownUsersMapping(schemas),
          isForeign: mapping !== undefined,
          login: rest[0],
          showSql: values.sql,
          password: values['password-stdin'] ? await readPassword() : undefined,
        })
      case 'mail':
        return await printMailHealth(database, values.json)
      default:
        await setActive(ownAccounts, login, command === 'activate')
        return 0
    }
  } finally {
    await database.close()
    await close()
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        'first-name': { type: 'string' },
        'last-name': { type: 'string' },
        locale: { type: 'string' },
        inactive: { type: 'boolean', default: false },
        'password-stdin': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        sql: { type: 'boolean', default: false },
        as: { type: 'string' },
        client: { type: 'string' },
        force: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new Mistake(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  const isMistake =
    error instanceof Mistake || error instanceof UsernameTaken || error instanceof SettingsError
  console.error(isMistake || error instanceof Error ? error.message : error)
  process.exitCode = isMistake ? 2 : 1
}
