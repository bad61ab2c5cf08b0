import { createLinkSigner, type LinkPurpose } from '@/lib/password-reset/reset-link'
import type { SignedState } from '@/lib/accounts/account'
import type { RunningApp } from './running-app'

/** Signs links with the app's secret, so that a test can make any link. */
export function signedLinks(
  app: Pick<RunningApp, 'url' | 'secret' | 'sql'>,
  { oneTimeUse = true }: { oneTimeUse?: boolean } = {},
) {
  const { create } = createLinkSigner({
    secrets: [app.secret],
    audience: app.url,
    period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
    oneTimeUse,
  })

  async function stateOf(id: string): Promise<SignedState> {
    const { rows } = await app.sql.query<SignedState>(
      `SELECT u."password" AS "passwordHash", u."email", u."is_active" AS "isActive",
              coalesce(r."links_epoch", 0) AS "linksEpoch"
         FROM "rekey"."users" u LEFT JOIN "rekey"."recovery" r ON r."account_id" = u."id"::text WHERE u."id" = $1`,
      [id],
    )
    return rows[0]!
  }

  /** The database's clock, in whole seconds since the epoch. */
  async function now(): Promise<number> {
    const { rows } = await app.sql.query<{ now: Date }>('SELECT now() AS "now"')
    return Math.floor(rows[0]!.now.getTime() / 1000)
  }

  /** A link for the account's present state, issued `age` seconds ago. */
  async function linkOf(
    person: { id: string },
    {
      age = 0,
      purpose = 'reset',
      userId = person.id,
    }: { age?: number; purpose?: LinkPurpose; userId?: string } = {},
  ) {
    return create(purpose, userId, (await now()) - age, await stateOf(person.id))
  }

  return { create, stateOf, now, linkOf }
}
