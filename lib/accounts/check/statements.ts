import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import type { AccountRow } from '@/lib/accounts/adapters/mapped-table-sql'
import { usersTableColumns, type UsersMapping } from '@/lib/accounts/users-table'
import type { Database } from '@/lib/database/pool'
import type { Queries } from '@/lib/database/queries'
import { Prisma } from '@/prisma/client/client'

type GeneratedStatement = { purpose: string; sql: string }

/** `1` fits integer and text columns, the UUID fits uuid and text columns. */
const sampleIds = ['1', '00000000-0000-4000-8000-000000000000']

/**
 * Lists statements that look up a login, read an account and replace its password. Runs the store on a connection that records them
 * instead of executing them; only the catalogue is actually read.
 */
export async function listResetStatements(
  { names, queries }: Pick<Database, 'names' | 'queries'>,
  mapping: UsersMapping,
): Promise<GeneratedStatement[]> {
  const found = new Map<string, string>()
  let purpose = ''
  const record = (...[strings, ...values]: Parameters<typeof Prisma.sql>) => {
    const sql = Prisma.sql(strings, ...values)
      .text.replace(/\s+/g, ' ')
      .trim()
    if (!found.has(sql)) found.set(sql, purpose)
    return sql
  }
  const account: AccountRow = {
    id: '1',
    username: 'x',
    email: 'x@example.com',
    firstName: null,
    lastName: null,
    name: null,
    label: null,
    locale: null,
    passwordHash: await mapping.password.format.hash('a password that nobody has'),
    isMarkedPasswordless: false,
    isActive: true,
    passwordChangedAt: null,
    linksEpoch: 0,
  }
  const recordingQueries = {
    $queryRaw: async (...statement: Parameters<typeof Prisma.sql>) => {
      if (statement[0].join('').includes('pg_catalog.pg_class'))
        return queries.$queryRaw(Prisma.sql(...statement))
      const sql = record(...statement)
      if (/^WITH a AS/.test(sql)) return [{ ...account, now: 0n }]
      return /AS "passwordHash"/.test(sql) ? [account] : []
    },
    $executeRaw: async (...statement: Parameters<typeof Prisma.sql>) => {
      record(...statement)
      return 1
    },
  }
  const recorder = recordingQueries as unknown as Queries
  const store = createSqlAccountStore(
    { queries: recorder, names, transaction: (work) => work(recorder) },
    mapping,
  )
  purpose = 'Look up a login'
  const hasUsernames = usersTableColumns(mapping).some(([option]) => option === 'username')
  await store.findByLogin('x@example.com', hasUsernames ? ['username', 'email'] : ['email'])
  purpose = 'Read an account'
  for (const id of sampleIds) await store.read(id)
  purpose = 'Replace a password, in one transaction'
  for (const id of sampleIds)
    await store.replacePassword(
      recorder,
      id,
      { passwordHash: account.passwordHash, email: account.email!, isActive: true, linksEpoch: 0 },
      'hash',
      { bindPassword: true },
    )
  return [...found].map(([sql, of]) => ({ purpose: of, sql }))
}
