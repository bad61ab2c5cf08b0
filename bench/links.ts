import type { BenchDatabase } from './database'
import { secretKey, type ProcessGroup } from './processes'
import { createLinkSigner, type Link } from '@/lib/password-reset/reset-link'

/** Signs reset links of the accounts from `bench-<first>` on, so that no email needs to be sent. */
export async function signLinks(
  { url }: ProcessGroup,
  { sql }: BenchDatabase,
  first: number,
  count: number,
): Promise<Link[]> {
  const { create } = createLinkSigner({
    secrets: [secretKey],
    audience: url,
    period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
    oneTimeUse: true,
  })
  const names = Array.from({ length: count }, (_, at) => `bench-${first + at}`)
  const { rows } = await sql.query<{ id: string; email: string; passwordHash: string; now: number }>(
    `SELECT "id", "email", "password" AS "passwordHash", floor(extract(epoch FROM now()))::int AS "now"
       FROM "rekey"."users" WHERE "username" = ANY ($1)`,
    [names],
  )
  return rows.map(({ id, now, ...state }) =>
    create('reset', id, now, { ...state, isActive: true, linksEpoch: 0 }),
  )
}
