import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import type { Account } from '@/lib/accounts/account'
import { createOwnAccounts, type NewAccount } from '@/lib/accounts/adapters/own-table'
import { openDatabase } from '@/lib/database/pool'
import { createRecoveryStore } from '@/lib/recovery/recovery-store'
import { createMigratedDatabase } from './test-database'

export type OpenedAccounts = Awaited<ReturnType<typeof openAccounts>>

export const newUsername = () => `user-${randomBytes(6).toString('hex')}`

/** An account that may be reset, unless the facts say otherwise. */
export function newAccount(facts: Partial<NewAccount> = {}): NewAccount {
  const username = facts.username ?? newUsername()
  const names = { firstName: '', lastName: '' }
  const state = { passwordHash: 'a hash', isActive: true, locale: null }
  return { username, email: `${username}@example.com`, ...names, ...state, ...facts }
}

export async function openAccounts() {
  const database = await createMigratedDatabase()
  const opened = openDatabase({ ...database, poolSize: 8 }, pino({ level: 'silent' }))
  const accounts = createOwnAccounts(opened)
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  return {
    ...opened,
    sql,
    accounts,
    recovery: createRecoveryStore(opened, ''),
    /** Adds an account as another application does, without a row of Rekey's beside it. */
    async addPastRekey(): Promise<string> {
      const { rows } = await sql.query<{ id: string }>(
        `INSERT INTO "rekey"."users" ("id", "username", "email", "password")
         VALUES (gen_random_uuid(), $1, $1 || '@example.com', 'a hash') RETURNING "id"`,
        [newUsername()],
      )
      return rows[0]!.id
    },
    read: async (id: string): Promise<Account> => (await accounts.read(id)).account!,
    /** Changes columns of an account, as another application would. @param assignments in SQL */
    update: (id: string, assignments: string) =>
      sql.query(`UPDATE "rekey"."users" SET ${assignments} WHERE "id" = $1`, [id]),
    remove: (id: string) => sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [id]),
    async close(): Promise<void> {
      await sql.end()
      await opened.close()
      await database.drop()
    },
  }
}
