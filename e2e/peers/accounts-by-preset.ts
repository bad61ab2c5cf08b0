import { newAccount, tag, type Accounts } from './accounts'
import { openDevise, openLaravel, openPeople, openRails } from './accounts-in-fixtures'
import { djangoIterations, type PresetName } from './mappings'
import { createTables, type PeerDatabase } from './peer-database'
import { startProduct, type ProductName } from './product'

type Open = (peer: PeerDatabase, schema: string) => Promise<Accounts>

export const accountsOf: Record<PresetName, { product: ProductName; open: Open }> = {
  django: { product: 'Django', open: openDjango },
  betterAuth: { product: 'better-auth', open: openBetterAuth },
  devise: { product: 'Rails', open: openDevise },
  rails: { product: 'Rails', open: openRails },
  laravel: { product: 'PHP', open: openLaravel },
  authJs: { product: 'Auth.js', open: openAuthJs },
  usersTable: { product: 'PHP with Argon2id', open: openPeople },
}

/** An entry of `DATABASES` in Django's settings. */
export function djangoDatabase(url: string, schema: string): Record<string, unknown> {
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    HOST: hostname,
    PORT: port || 5432,
    USER: decodeURIComponent(username),
    PASSWORD: decodeURIComponent(password),
    NAME: pathname.slice(1),
    OPTIONS: { options: `-c search_path=${schema}` },
  }
}

async function openDjango({ database, sql }: PeerDatabase, schema: string): Promise<Accounts> {
  await sql.query({ text: `CREATE SCHEMA IF NOT EXISTS ${schema}` })
  const settings = { iterations: djangoIterations, hasher: 'pbkdf2_sha256' }
  const product = startProduct('django-auth.py', {
    ...settings,
    database: djangoDatabase(database.url, schema),
  })
  await product.call('migrate')
  return {
    product,
    async add() {
      const account = newAccount()
      return { ...account, id: String(await product.call('create_user', account)) }
    },
    async addWithoutPassword() {
      const { username, email } = newAccount()
      await product.call('create_user', { username, email, password: null })
      return { 'set_unusable_password()': email }
    },
    disabling: 'is_active = false',
    signsIn: async ({ username }, password) =>
      (await product.call('sign_in', { username, password })) !== null,
  }
}

async function openBetterAuth({ database, sql }: PeerDatabase, schema: string): Promise<Accounts> {
  await sql.query({ text: `CREATE SCHEMA IF NOT EXISTS ${schema}` })
  const plugins = schema !== 'public'
  const product = startProduct('better-auth.mjs', { url: database.url, schema, plugins })
  await product.call('migrate')
  return {
    product,
    async add() {
      const { username, password } = newAccount()
      const email = `${username}@Example.com`
      const user = { name: username, email, password, ...(plugins && { username }) }
      return { id: await product.call('signUp', user), username, email: email.toLowerCase(), password }
    },
    async addWithoutPassword() {
      const { email } = newAccount()
      await product.call('addSocialAccount', { email })
      return { 'a social account only': email }
    },
    ...(plugins && { disabling: '"banned" = true' }),
    signsIn: async ({ email }, password) =>
      (await product.call<{ status: number }>('signIn', { email, password })).status === 200,
  }
}

async function openAuthJs(peer: PeerDatabase, schema: string): Promise<Accounts> {
  await createTables(peer.sql, 'auth-js', schema)
  return authJsAccounts(peer.database.url, schema)
}

/** The accounts of an app with the Credentials provider, on tables that exist. */
export function authJsAccounts(
  url: string,
  schema: string,
  script = 'auth-js.mjs',
  library = 'bcryptjs',
): Accounts {
  const product = startProduct(script, { url, schema, library })
  return {
    product,
    async add() {
      const account = { ...newAccount(), id: tag() }
      await product.call('signUp', account)
      return account
    },
    async addWithoutPassword() {
      const { email } = newAccount()
      await product.call('signUp', { id: tag(), email, password: null })
      return { 'a social account': email }
    },
    signsIn: async ({ email }, password) => (await product.call('signIn', { email, password })) !== null,
  }
}
