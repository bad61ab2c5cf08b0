import { parseArgs } from 'node:util'
import { createOwnAccounts, ownUsersMapping, UsernameTaken } from '@/lib/accounts/adapters/own-table'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { demoUsersMapping } from '@/lib/accounts/presets/demo'
import { identityOf } from '@/lib/accounts/users-table'
import { createAuditLog } from '@/lib/audit/audit'
import { openDatabase } from '@/lib/database/pool'
import { mayBeMailed, needsSmtpUtf8, smtpAddress } from '@/lib/addresses/email-address'
import { isLanguage, languages } from '@/lib/i18n/locales'
import configuration from '@/rekey.config'
import { createLog } from '@/lib/logging/log'
import { migrate } from '@/lib/setup/migrate'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import type { SchemaNames } from '@/lib/config/schema-names'
import { readDemoProduct } from '@/lib/config/demo-product'
import { readDatabaseSettings, readDataDir, readSchemas } from '@/lib/config/settings'
import { describeDatabaseUrl } from '@/lib/config/database-url'
import {
  DataDirInUse,
  embeddedDatabaseUrl,
  hasEmbeddedDatabase,
  startEmbeddedDatabase,
} from './embedded-database/embedded-database'
import { checkUsers } from './check-users'
import { escapeForTerminal } from './escape-for-terminal'
import { printMailHealth } from './mail-health'

const usage = `Usage: npm run accounts -- <command>

  add <username> <email> [--first-name x] [--last-name x] [--locale xx] [--inactive] [--password-stdin]
                         adds an account; "" for no address; without --password-stdin it has no password
                         and gets no reset emails
  list                   all accounts, oldest first
  verify <username>      reads a password from standard input; exit code 0 when it is the account's, else 1
  deactivate <username>  the account can no longer be reset, and its links become invalid
  activate <username>    the account can be reset again; its old links stay invalid
  history <username>     the audit entries of the account, oldest first
  check [login] [--sql] [--password-stdin]
                         compares the users mapping of rekey.config.ts with the database; with a login, says which
                         accounts would get an email; --sql prints grants and statements; --password-stdin verifies
                         a known password, without which production does not start on a mapped table
  mail [--json]          whether emails leave, and if not, why; exit code 1 when they do not

With --users django or --users better-auth: the accounts of the demo that has the tables of this product.`

/** Accounts that `list` shows at most: a table of a million must not fill the memory. */
const mostListed = 10_000

/** An error in the operator's input; exits with 2. */
class Mistake extends Error {}

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  const [command, ...rest] = positionals
  const fewest = { add: 2, list: 0, verify: 1, deactivate: 1, activate: 1, history: 1, mail: 0, check: 0 }[
    command ?? ''
  ]
  const most = command === 'check' ? 1 : fewest
  if (fewest === undefined || most === undefined || rest.length < fewest || rest.length > most)
    throw new Mistake(usage)
  const [username = '', email = ''] = rest

  const product = readDemoProduct(process.env)
  // Without DATABASE_URL the demo's database is meant, which has no table of a team's.
  const isDemo = !process.env.DATABASE_URL?.trim()
  const mapping = product ? demoUsersMapping(product) : isDemo ? undefined : configuration.users
  if (mapping && ['add', 'activate', 'deactivate'].includes(command ?? ''))
    throw new Mistake(`The accounts are in ${identityOf(mapping)}: only their own application changes them.`)
  const { url, schemas, close } = await findDatabase(mapping === undefined)
  const log = createLog('fatal', 'accounts')
  const database = openDatabase({ url, poolSize: 2, schemas }, log)
  const ownAccounts = createOwnAccounts(database)
  const accounts = mapping ? createSqlAccountStore(database, mapping) : ownAccounts
  const { format, accepts } = (mapping ?? ownUsersMapping(schemas)).password
  const hash = createHashQueue({ format, ...(accepts && { accepts }) })
  try {
    switch (command) {
      case 'add': {
        if (username.trim() !== username || !/^[^\p{Cc}]{1,150}$/u.test(username)) {
          throw new Mistake('A username has 1 to 150 characters, no control characters and no outer spaces.')
        }
        if (email !== '' && !mayBeMailed(email))
          throw new Mistake(`No email could be sent to the address ${JSON.stringify(email)}.`)
        const locale = values.locale ?? null
        if (locale !== null && !isLanguage(locale))
          throw new Mistake(`The locale is one of ${languages.join(', ')}.`)
        const twins = email === '' ? [] : await accounts.findByLogin(email, ['email'])
        const passwordHash = values['password-stdin'] ? await hash.hash(await readPassword()) : null
        const names = { firstName: values['first-name'] ?? '', lastName: values['last-name'] ?? '' }
        await ownAccounts.add({ username, email, ...names, passwordHash, isActive: !values.inactive, locale })
        console.log(`Added ${username}.`)
        if (twins.length > 0)
          console.error(`Note: ${twins.length} other account(s) have this address; each gets its own email.`)
        if (needsSmtpUtf8(smtpAddress(email) ?? ''))
          console.error('Note: this address gets email only if the mail server offers SMTPUTF8.')
        if (passwordHash === null) console.error('Note: it has no password, so it gets no reset emails.')
        return 0
      }
      case 'list': {
        const rows = (await accounts.list(mostListed)).map((account) => ({
          username: account.username,
          email: account.email,
          name: `${account.firstName} ${account.lastName}`.trim(),
          status: account.isActive ? 'active' : 'inactive',
          password:
            account.passwordHash === null
              ? 'none'
              : (account.passwordChangedAt?.toISOString() ?? 'never changed'),
          locale: account.locale ?? '',
        }))
        printTable(rows, 'There are no accounts.')
        return 0
      }
      case 'verify': {
        const account = await accounts.findOne(username)
        const matches = await hash.verify(account?.passwordHash ?? '', await readPassword())
        console.log(matches ? 'This is the password.' : 'This is not the password.')
        return matches ? 0 : 1
      }
      case 'history': {
        const account = await accounts.findOne(username)
        if (account === null) throw noAccount(username)
        const lines = (await createAuditLog(database, accounts.identity, log).history(account.id)).map(
          ({ at, event, reason, client }) => ({
            at: at.toISOString(),
            event,
            reason: reason ?? '',
            client: client ?? '',
          }),
        )
        printTable(lines, 'Nothing is recorded about this account.')
        return 0
      }
      case 'check': {
        if (values['password-stdin'] && rest.length === 0)
          throw new Mistake('--password-stdin needs the login of an account whose password you know.')
        return await checkUsers({
          database,
          accounts,
          audit: createAuditLog(database, accounts.identity, log),
          mapping: mapping ?? ownUsersMapping(schemas),
          isForeign: mapping !== undefined,
          login: rest[0],
          showSql: values.sql,
          password: values['password-stdin'] ? await readPassword() : undefined,
        })
      }
      case 'mail':
        return await printMailHealth(database, values.json)
      default: {
        if (!(await ownAccounts.setActive(username, command === 'activate'))) throw noAccount(username)
        console.log(
          command === 'activate'
            ? `${username} is active.`
            : `${username} is inactive; its links are invalid.`,
        )
        return 0
      }
    }
  } finally {
    await database.close()
    await close()
  }
}

function noAccount(username: string): Mistake {
  return new Mistake(`There is no account ${JSON.stringify(username)}.`)
}

/** Prints rows as a table; the properties of the first row are the columns. */
function printTable(rows: Record<string, string>[], none: string): void {
  const [first] = rows
  if (first === undefined) return console.log(none)
  const names = Object.keys(first)
  const lines = [names, ...rows.map((row) => names.map((name) => escapeForTerminal(row[name] ?? '')))]
  const widths = names.map((_name, column) => Math.max(...lines.map((line) => line[column]!.length)))
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
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
      },
    })
  } catch (error) {
    throw new Mistake(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

/**
 * Opens DATABASE_URL, else the embedded database of DATA_DIR, through the running demo if there is one. Prints which one: an
 * operator whose setting has no effect must notice that the results are those of another database.
 *
 * @throws Mistake if there is neither
 */
async function findDatabase(
  ownsUsers: boolean,
): Promise<{ url: string; schemas: SchemaNames; close(): Promise<void> }> {
  if (process.env.DATABASE_URL?.trim()) {
    const { url, schemas, ignored } = readDatabaseSettings(process.env)
    for (const warning of ignored) console.error(warning)
    console.error(`Database: ${describeDatabaseUrl(url)}`)
    return { url, schemas, close: async () => undefined }
  }
  const dataDir = readDataDir(process.env)
  const schemas = readSchemas(process.env)
  if (!hasEmbeddedDatabase(dataDir)) {
    throw new Mistake(
      `DATABASE_URL is not set, and there is no demo's database in ${dataDir}; set DATABASE_URL, or set DATA_DIR to the data directory of a demo.`,
    )
  }
  console.error(`Database: the demo's in ${dataDir}`)
  try {
    const embedded = await startEmbeddedDatabase(dataDir)
    await migrate({ url: embedded.url, schemas }, { ownsUsers }).catch(async (error: unknown) => {
      await embedded.close()
      throw error
    })
    return { ...embedded, schemas }
  } catch (error) {
    if (error instanceof DataDirInUse)
      return { url: embeddedDatabaseUrl(dataDir), schemas, close: async () => undefined }
    throw error
  }
}

/** Reads the typed or piped password, without its final line break. */
async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) console.error('Type the password, then Enter and Ctrl-D:')
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const password = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    .decode(Buffer.concat(chunks))
    .replace(/\r?\n$/, '')
  if (password === '') throw new Mistake('No password came on standard input.')
  return password
}

try {
  process.exitCode = await main()
} catch (error) {
  const isMistake = error instanceof Mistake || error instanceof UsernameTaken
  console.error(isMistake || error instanceof Error ? error.message : error)
  process.exitCode = isMistake ? 2 : 1
}
