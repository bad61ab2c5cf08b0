import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { pino } from 'pino'
import type { TestDatabase } from '@/e2e/support/test-database'
import { readCatalogue } from '@/lib/accounts/adapters/catalogue'
import { usersGrantStatements, quotedTableName } from '@/lib/accounts/check/grants'
import { tableUsesOf } from '@/lib/accounts/check/table-uses'
import { parseTableName, type UsersMapping } from '@/lib/accounts/users-table'
import { openDatabase } from '@/lib/database/pool'
import { createQueries } from '@/lib/database/queries'
import { migrate } from '@/lib/setup/migrate'
import { inspectUsersTable } from '@/lib/setup/users-table'

export const accessKinds = [
  'as a role that may do everything',
  'under the printed grants',
  'under row-level security',
  'through a view',
] as const
export type Access = (typeof accessKinds)[number]

export const surroundings: readonly { access: Access; schema: string }[] = [
  { access: 'as a role that may do everything', schema: 'public' },
  { access: 'under the printed grants', schema: 'public' },
  { access: 'under the printed grants', schema: 'shop' },
  { access: 'under row-level security', schema: 'shop' },
  { access: 'through a view', schema: 'shop' },
]

export type Reached = { users: UsersMapping; url: string; close(): Promise<void> }

/** Gives Rekey access. A restricted role gets only the grants and policies that the check prints. */
export async function reach(
  database: TestDatabase,
  sql: pg.Client,
  mapping: UsersMapping,
  access: Access,
): Promise<Reached> {
  if (access === 'as a role that may do everything')
    return { users: mapping, url: database.url, close: async () => undefined }
  const users = access === 'through a view' ? await viewOf(sql, mapping) : mapping
  const secured =
    access === 'under row-level security' ? tableUsesOf(users).map(({ table }) => quotedTableName(table)) : []
  for (const table of secured)
    await sql.query({ text: `ALTER TABLE IF EXISTS ${table} ENABLE ROW LEVEL SECURITY` })

  const { role, url } = await createRole(database, sql)
  await migrate(database, { appRole: role, ownsUsers: false })
  const opened = openDatabase({ ...database, url, poolSize: 1 }, pino({ level: 'silent' }))
  try {
    const problems = async () => (await inspectUsersTable(opened, users)).problems.join('\n')
    const asOwner = createQueries((statement) => sql.query(statement))
    const tables = tableUsesOf(users).map(({ table }) => table)
    const grants = usersGrantStatements(users, await readCatalogue(asOwner, tables), role)
    await sql.query(grants.join(' '))
    // Every grant is necessary: the check prints each one that is missing.
    for (const grant of grants) {
      await sql.query(grant.replace(/^GRANT/, 'REVOKE').replace(/ TO (?=\S+;$)/, ' FROM '))
      assert.ok((await problems()).includes(grant), `${grant} is not missed`)
      await sql.query(grant)
    }
    const policies = (await problems()).match(/CREATE POLICY .*?;/g) ?? []
    assert.equal(policies.length > 0, access === 'under row-level security')
    await sql.query(policies.join(' '))
    assert.equal(await problems(), '')
  } finally {
    await opened.close()
  }
  return {
    users,
    url,
    async close() {
      for (const table of secured)
        await sql.query({ text: `ALTER TABLE IF EXISTS ${table} DISABLE ROW LEVEL SECURITY` })
      await sql.query({ text: `DROP OWNED BY ${role}; DROP ROLE ${role}` })
    },
  }
}

/** Creates a role that may only connect, without the privileges of PUBLIC on the schema. */
async function createRole(database: TestDatabase, sql: pg.Client): Promise<{ role: string; url: string }> {
  const [role, password] = [`rekey_peer_${randomBytes(6).toString('hex')}`, randomBytes(12).toString('hex')]
  await sql.query({
    text: `CREATE ROLE ${role} LOGIN PASSWORD '${password}' NOSUPERUSER NOBYPASSRLS; REVOKE ALL ON SCHEMA public FROM PUBLIC`,
  })
  const url = new URL(database.url)
  Object.assign(url, { username: role, password })
  return { role, url: url.href }
}

async function viewOf(sql: pg.Client, mapping: UsersMapping): Promise<UsersMapping> {
  const table = parseTableName(mapping.table)
  const view = { ...table, name: 'rekey_people' }
  await sql.query({
    text: `CREATE OR REPLACE VIEW ${quotedTableName(view)} AS SELECT * FROM ${quotedTableName(table)}`,
  })
  return { ...mapping, table: `${view.schema}.${view.name}` }
}
