import type pg from 'pg'
import { quotedTableName } from '@/lib/accounts/check/grants'
import { parseTableName, type UsersMapping } from '@/lib/accounts/users-table'
import { newAccount, type Accounts } from './accounts'
import { bcryptCost, devisePepper, mappings, phpArgon2id } from './mappings'
import { createTables, type PeerDatabase } from './peer-database'
import { startProduct, type Product } from './product'

const dated = { created_at: '2026-01-01', updated_at: '2026-01-01' }

export async function openDevise(peer: PeerDatabase, schema: string): Promise<Accounts> {
  await createTables(peer.sql, 'devise', schema)
  const product = startProduct('rails.rb')
  const options = { cost: bcryptCost, pepper: devisePepper }
  const accounts = inFixture(peer, mappings.devise(schema), {
    product,
    columns: dated,
    withoutPassword: { 'an OmniAuth account': '' },
    hash: (password) => product.call('deviseHash', { password, ...options }),
    fits: (password, stored) => product.call('deviseFits', { password, stored, ...options }),
  })
  return { ...accounts, disabling: 'deleted_at = now()' }
}

export async function openRails(peer: PeerDatabase, schema: string): Promise<Accounts> {
  await createTables(peer.sql, 'rails', schema)
  const product = startProduct('rails.rb')
  return inFixture(peer, mappings.rails(schema), {
    product,
    columns: dated,
    withoutPassword: { 'an empty password_digest': '' },
    hash: (password) => product.call('secureHash', { password, cost: bcryptCost }),
    fits: (password, stored) => product.call('secureFits', { password, stored }),
  })
}

export async function openLaravel(peer: PeerDatabase, schema: string): Promise<Accounts> {
  await createTables(peer.sql, 'laravel', schema)
  const accounts = inFixture(peer, mappings.laravel(schema), {
    ...byPhp('2y', { cost: bcryptCost }),
    columns: { name: 'Ada', remember_token: 'remembered', ...dated },
    withoutPassword: { 'a Socialite account': '' },
  })
  return { ...accounts, disabling: 'deleted_at = now()' }
}

export async function openPeople(peer: PeerDatabase, schema: string): Promise<Accounts> {
  await createTables(peer.sql, 'people', schema)
  const { memoryCost, timeCost, parallelism } = phpArgon2id
  const accounts = inFixture(peer, mappings.usersTable(schema), {
    ...byPhp('argon2id', { memory_cost: memoryCost, time_cost: timeCost, threads: parallelism }),
    withoutPassword: { 'no hash': null, 'a hash of no known format': '{SSHA}w4zFUYq8sRkZ7Kp2vB1nQm' },
  })
  return { ...accounts, disabling: "state = 'N'" }
}

type Fixture = {
  product: Product
  /** Columns that a row needs besides email address and hash. */
  columns?: Record<string, string>
  /** The stored value for accounts without a password of their own, by kind. */
  withoutPassword: Record<string, string | null>
  hash(password: string): Promise<string>
  fits(password: string, stored: string): Promise<boolean>
}

function byPhp(algorithm: string, options: Record<string, number>): Omit<Fixture, 'withoutPassword'> {
  const product = startProduct('laravel.php')
  const verify = (password: string, stored: string) =>
    product.call<{ fits: boolean }>('verify', { password, stored, algorithm, options })
  return {
    product,
    hash: (password) => product.call('hash', { password, algorithm, options }),
    fits: async (password, stored) => (await verify(password, stored)).fits,
  }
}

function inFixture({ sql }: PeerDatabase, mapping: UsersMapping, fixture: Fixture): Accounts {
  const { product, columns = {}, withoutPassword, hash, fits } = fixture
  async function insert(email: string, stored: string | null) {
    const row = { [mapping.email]: email, [mapping.password.column]: stored, ...columns }
    const { rows } = await sql.query<{ id: string }>(
      `INSERT INTO ${quotedTableName(parseTableName(mapping.table))} (${Object.keys(row)})
       VALUES (${Object.keys(row).map((_, n) => `$${n + 1}`)}) RETURNING ${mapping.id}::text AS id`,
      Object.values(row),
    )
    return rows[0]!.id
  }
  return {
    product,
    async add() {
      const account = newAccount()
      return { ...account, id: await insert(account.email, await hash(account.password)) }
    },
    async addWithoutPassword() {
      const added: Record<string, string> = {}
      for (const [how, stored] of Object.entries(withoutPassword)) {
        added[how] = newAccount().email
        await insert(added[how], stored)
      }
      return added
    },
    signsIn: async ({ email }, password) => fits(password, await storedHash(sql, mapping, email)),
  }
}

export async function storedHash(sql: pg.Client, mapping: UsersMapping, email: string): Promise<string> {
  const { rows } = await sql.query<{ hash: string }>(
    `SELECT "${mapping.password.column}" AS hash FROM ${quotedTableName(parseTableName(mapping.table))}
      WHERE "${mapping.email}" = $1`,
    [email],
  )
  return rows[0]!.hash
}
