import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Account } from '@/lib/accounts/account'
import type { NewAccount } from '@/lib/accounts/adapters/own-table'
import { readSettings } from '@/lib/config/settings'
import { createServices } from '@/services'
import { createMigratedDatabase } from './test-database'

export const resettableAccount = (username: string): NewAccount => ({
  username,
  email: `${username}@example.com`,
  firstName: '',
  lastName: '',
  passwordHash: 'a hash',
  isActive: true,
  locale: null,
})

export type OpenedServices = Awaited<ReturnType<typeof openServices>>

/** @param env settings beside those that a start requires */
export async function openServices(env: Record<string, string> = {}) {
  const database = await createMigratedDatabase()
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  const services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtp://localhost',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      ...env,
    }),
  )

  return {
    database,
    sql,
    services,
    /** An account that may be reset, unless the facts say otherwise. */
    async addAccount(facts: Partial<NewAccount> = {}): Promise<Account> {
      const username = `user-${randomBytes(6).toString('hex')}`
      const id = await services.ownAccounts.add({ ...resettableAccount(username), ...facts })
      return (await services.accounts.read(id)).account!
    },
    /** Changes columns of an account as another application would. @param assignments in SQL */
    updateAccount: (id: string, assignments: string) =>
      sql.query(`UPDATE "rekey"."users" SET ${assignments} WHERE "id" = $1`, [id]),
    deleteAccount: (id: string) => sql.query('DELETE FROM "rekey"."users" WHERE "id" = $1', [id]),
    clearLimits: () => sql.query('DELETE FROM "rekey"."limits"'),
    async close(): Promise<void> {
      await services.database.close()
      await sql.end()
      await database.drop()
    },
  }
}
