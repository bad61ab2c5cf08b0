import { randomUUID } from 'node:crypto'
import { linkState, isResettable, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import { unknownClient } from '@/lib/addresses/client-ip'
import type { AuditLog } from '@/lib/audit/audit'
import type { Settings } from '@/lib/config/settings'
import type { Database } from '@/lib/database/pool'
import { buildLinkUrl, type LinkSigner } from '@/lib/password-reset/reset-link'
import { createJobSearch } from './job-search'
import type { Queue } from '@/lib/queue/queue'
import type { Limits } from '@/lib/rate-limits/limits'
import type { RecoveryStore } from '@/lib/recovery/recovery-store'

// What the support does for one person on the command line. Each action is audited with the name of who did it.

/** Somebody tried to reset an account that may not be reset; `account` says why. */
export class MayNotReset extends Error {
  constructor(readonly account: Account) {
    super('The account may not be reset.')
    this.name = 'MayNotReset'
  }
}

type SendParts = { audit: AuditLog; database: Database; queue: Queue }

/**
 * Queues an email with a link, as a request of the person would. It is not counted for a client, but the limits of the
 * account hold, so that the support floods no mailbox: `liftAccountLimits` lifts them.
 *
 * @throws MayNotReset
 */
export async function sendLink(
  { audit, database, queue }: SendParts,
  account: Account,
  actor: string,
): Promise<void> {
  if (!isResettable(account)) throw new MayNotReset(account)
  const requestId = randomUUID()
  await queue.open()
  await database.transaction(async (tx) => {
    await audit.record('requested', { accountId: account.id, requestId, actor }, tx)
    const target = { accountId: account.id }
    // The worker writes in the account's language, else in DEFAULT_LOCALE.
    const locale = account.locale ?? ''
    const job = { target, locale, requestId, client: unknownClient, bypassPause: false }
    await queue.add('link-request', job, { tx })
  })
}

type PrintParts = {
  accounts: AccountStore
  audit: AuditLog
  links: LinkSigner
  settings: Pick<Settings, 'reset'>
  buildUrl?: ((link: ReturnType<LinkSigner['create']>, standard: string) => string) | undefined
}

/**
 * Makes a link that the operator hands over, for a person whose mailbox is lost. It lives 15 minutes and works as often as a
 * mailed one. The email about the changed password still goes to the account's address (requirement L9). The audit entry is
 * stored before the link is returned.
 *
 * @throws MayNotReset
 */
export async function printLink(
  { accounts, audit, links, settings, buildUrl }: PrintParts,
  { id }: Account,
  actor: string,
): Promise<{ url: string; expiresAt: Date }> {
  const { account, now } = await accounts.read(id)
  if (account === null || !isResettable(account)) throw new MayNotReset(account ?? ({ id } as Account))
  await audit.record('printed', { accountId: id, requestId: randomUUID(), actor })
  const link = links.create('printed', id, Math.floor(now.getTime() / 1000), linkState(account))
  const standard = buildLinkUrl(settings.reset.pageUrl, link)
  return { url: buildUrl?.(link, standard) ?? standard, expiresAt: links.expiryOf(link, 'printed') }
}

type CancelParts = { audit: AuditLog; database: Database; recovery: RecoveryStore }

/**
 * Revokes all links of an account, mailed and printed ones, and drops its emails with links that wait. An email that is being
 * sent at this moment may still leave, and its link may live.
 *
 * @returns how many waiting emails were dropped
 */
export async function cancelLinks(
  { audit, database, recovery }: CancelParts,
  { id }: Account,
  actor: string,
): Promise<number> {
  const dropped = await createJobSearch(database).cancelLinkEmails(id)
  await database.transaction(async (tx) => {
    await recovery.revokeAllLinks(tx, id)
    await audit.record('cancelled', { accountId: id, reason: 'support', actor }, tx)
  })
  return dropped
}

type LiftParts = { audit: AuditLog; limits: Limits; recovery: RecoveryStore }

/** Lifts what limits the emails of one account: its cool-down, its count, a pause, and the counts of its mailbox and logins. */
export async function liftAccountLimits(
  { audit, limits, recovery }: LiftParts,
  account: Account,
  actor: string,
): Promise<void> {
  const { id } = account
  await recovery.forgetEmails(id)
  await limits.liftAccount(account)
  await audit.record('limitLifted', { accountId: id, reason: 'account', actor })
}

/** Lifts what limits the requests and forged posts of one client. @param client an IP address */
export async function liftClientLimits(
  { audit, limits }: Pick<LiftParts, 'audit' | 'limits'>,
  client: string,
  actor: string,
): Promise<void> {
  await limits.liftClient(client)
  await audit.record('limitLifted', { client, reason: 'client', actor })
}
