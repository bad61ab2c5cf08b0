import type pg from 'pg'
import { postJson } from './exchange'
import type { CaughtEmail, MailSink } from './mail-sink'
import { newTag } from './new-tag'

/** The stored hash fits no password, because a thousand hashes would take long. */
export type Member = { login: string; email: string }

export async function addCrowd(sql: pg.Pool, count: number): Promise<Member[]> {
  const tag = newTag()
  const { rows } = await sql.query<Member>(
    `INSERT INTO "rekey"."users" ("id", "username", "email", "first_name", "last_name", "password", "is_active")
     SELECT gen_random_uuid(), 'crowd-' || $1 || '-' || n, 'crowd-' || $1 || '-' || n || '@example.com', '', '', 'a forgotten one', true
       FROM generate_series(1, $2::int) n
     RETURNING "username" AS "login", "email"`,
    [tag, count],
  )
  return rows
}

/** The status, or 0 where the connection broke before a response. */
export const requestStatus = (port: number, { login }: Pick<Member, 'login'>): Promise<number> =>
  postJson(port, 'send-reset-password-link', { login }).then(
    ({ status }) => status,
    () => 0,
  )

export function emailsByAddress({ emails }: Pick<MailSink, 'emails'>): Map<string, CaughtEmail[]> {
  const byAddress = new Map<string, CaughtEmail[]>()
  for (const email of emails) {
    for (const address of email.recipients) byAddress.set(address, [...(byAddress.get(address) ?? []), email])
  }
  return byAddress
}
