import { randomUUID } from 'node:crypto'
import { signedState, isResettable, type Account } from '@/lib/accounts/account'
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

// What the support does for one person or client. `actor` is the supporter's name, for the audit log.

/** `account` shows why. A deleted one has only the id. */
export class AccountNotResettable extends Error {
  constructor(readonly account: Account) {
    super('The account may not be reset.')
    this.name = 'AccountNotResettable'
  }
}

type SendParts = { audit: AuditLog; database: Database; queue: Queue }

/** Queues a request for a link. The caller checks `isResettable`. The limits of emails apply, but not those of clients. */
export async function queueLinkRequest(
  { audit, database, queue }: SendParts,
  account: Account,
  actor: string,
): Promise<void> {
  const requestId = randomUUID()
  await database.transaction(async (tx) => {
    await audit.record('requested', { accountId: account.id, requestId, actor }, tx)
    const target = { accountId: account.id }
    // Used if Rekey does not support the account's language: an empty text leads to DEFAULT_LOCALE.
    const job = { target, locale: '', requestId, client: unknownClient, bypassPause: false }
    await queue.add('link-request', job, { tx })
  })
}

type PrintParts = {
  accounts: AccountStore
  audit: AuditLog
  links: LinkSigner
  recovery: Pick<RecoveryStore, 'postponePurge'>
  settings: Pick<Settings, 'reset'>
  buildUrl?: ((link: ReturnType<LinkSigner['create']>, standard: string) => string) | undefined
}

/**
 * Creates a reset link that the operator hands to a person who has lost the mailbox (requirement L9). Audits it first, so that no link
 * exists without an entry.
 *
 * @throws AccountNotResettable also if the account is gone
 */
export async function createPrintedLink(
  { accounts, audit, links, recovery, settings, buildUrl }: PrintParts,
  { id }: Account,
  actor: string,
): Promise<{ url: string; expiresAt: Date }> {
  await recovery.postponePurge(id)
  const { account, now } = await accounts.read(id)
  if (account === null || !isResettable(account))
    throw new AccountNotResettable(account ?? ({ id } as Account))
  await audit.record('printed', { accountId: id, requestId: randomUUID(), actor })
  const link = links.create('printed', id, Math.floor(now.getTime() / 1000), signedState(account))
  const standard = buildLinkUrl(settings.reset.pageUrl, link)
  return { url: buildUrl?.(link, standard) ?? standard, expiresAt: links.expiryOf(link, 'printed') }
}

type CancelParts = { audit: AuditLog; database: Database; recovery: RecoveryStore }

/**
 * Revokes the links of an account and cancels its waiting emails with links. An email that is being sent, or whose request the worker has
 * not handled yet, may still leave with a valid link.
 *
 * @returns how many emails were cancelled
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

/** Lifts the limits of an account: of its emails, its mailbox, its logins, and new links by "this wasn't me". */
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

/** Lifts the rate limits of one client. @param client an IP address */
export async function liftClientLimits(
  { audit, limits }: Pick<LiftParts, 'audit' | 'limits'>,
  client: string,
  actor: string,
): Promise<void> {
  await limits.liftClient(client)
  await audit.record('limitLifted', { client, reason: 'client', actor })
}
