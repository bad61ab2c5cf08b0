import { randomBytes } from 'node:crypto'
import { signedState, type Account } from '@/lib/accounts/account'
import { auditEvents } from '@/lib/audit/audit'
import type { CompleteResetInput } from '@/lib/password-reset/complete-reset'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import type { ResetDependencies } from '@/lib/password-reset/reset-dependencies'
import { createLinkSigner, type Link, type LinkPurpose } from '@/lib/password-reset/reset-link'
import { openServices } from './opened-services'

export type OpenedResets = Awaited<ReturnType<typeof openResets>>

export const newPassword = 'gravel lantern orchard 7'

export async function openResets() {
  const opened = await openServices({
    LIMIT_REQUESTS_PER_CLIENT: '2/10m',
    LIMIT_RESETS_PER_CLIENT: '3/10m',
    LIMIT_ATTEMPTS_PER_LINK: '1/1h',
  })
  const { services, sql } = opened
  return {
    ...opened,
    resets: (configuration: RekeyConfig = {}, parts: Partial<ResetDependencies> = {}) =>
      createPasswordReset({ ...services, configuration, ...parts }),
    /** A link for the present state of an account. @param age seconds since it was requested */
    linkOf: (account: Account, purpose: LinkPurpose = 'reset', age = 0): Link =>
      services.links.create(purpose, account.id, secondsNow() - age, signedState(account)),
    /** Links and settings where links work more than once. */
    reusableLinks: () => ({
      links: createLinkSigner({
        secrets: services.settings.secrets,
        audience: services.settings.publicUrl,
        period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
        oneTimeUse: false,
      }),
      settings: { reset: { ...services.settings.reset, oneTimeUse: false } },
    }),
    read: async ({ id }: Account): Promise<Account> => (await services.accounts.read(id)).account!,
    eventsOf: async ({ id }: Account): Promise<string[]> =>
      (await services.audit.history(id)).map(({ event }) => event),
    async jobsOf({ id }: Account): Promise<string[]> {
      const { rows } = await sql.query<{ name: string }>(
        `SELECT name FROM rekey_queue.job WHERE data->>'accountId' = $1 OR data->'target'->>'accountId' = $1 ORDER BY name`,
        [id],
      )
      return rows.map(({ name }) => name)
    },
    async countEntries(event: keyof typeof auditEvents, reason: string): Promise<number> {
      const { rowCount } = await sql.query(
        'SELECT FROM "rekey"."audit" WHERE "event" = $1 AND "reason" = $2',
        [auditEvents[event], reason],
      )
      return rowCount!
    },
  }
}

export const secondsNow = () => Math.floor(Date.now() / 1000)

/** A client that no other test has, because a process remembers a rejection for a second. */
export const newClient = () =>
  `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}::1`

export const from = (client: string) => ({ locale: 'en', requestId: 'r', client })

export const forge = (link: Link): Link => ({ ...link, signature: 'A'.repeat(86) })

export const resetInput = (
  link: Link,
  password: string,
  client: string,
  facts: Partial<CompleteResetInput> = {},
): CompleteResetInput => ({
  link,
  password,
  passwordConfirm: undefined,
  locale: 'en',
  requestId: 'r',
  request: { client, headers: new Headers(), fields: {} },
  ...facts,
})
