import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { createPeerDatabase } from '@/e2e/peers/peer-database'
import { openDatabase } from '@/lib/database/pool'

export type OpenedUsersTables = Awaited<ReturnType<typeof openUsersTables>>

/** The users tables of other products, and beside them only Rekey's schemas. */
export async function openUsersTables({
  products = [],
  poolSize = 4,
}: { products?: ('django' | 'better-auth')[]; poolSize?: number } = {}) {
  const { database, sql, close } = await createPeerDatabase()
  const opened = openDatabase({ ...database, poolSize }, pino({ level: 'silent' }))
  for (const product of products) await sql.query(readFileSync(`scripts/demo-users/${product}.sql`, 'utf8'))
  return {
    database,
    sql,
    opened,
    /** Adds a user with these columns instead of the usual ones. @returns its id */
    async addDjangoUser(columns: Record<string, unknown>): Promise<string> {
      const row = {
        first_name: '',
        last_name: '',
        is_active: true,
        is_staff: false,
        is_superuser: false,
        date_joined: '2026-01-02T03:04:05Z',
        ...columns,
      }
      const names = Object.keys(row)
      const { rows } = await sql.query<{ id: string }>(
        `INSERT INTO auth_user (${names}) VALUES (${names.map((_, nth) => `$${nth + 1}`)}) RETURNING id::text`,
        Object.values(row),
      )
      return rows[0]!.id
    },
    async close(): Promise<void> {
      await opened.close()
      await close()
    },
  }
}
