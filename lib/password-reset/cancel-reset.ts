import { isResettable, passwordChangedSince, type Account } from '@/lib/accounts/account'
import { releaseCount } from './release-count'
import { rejectLink, rejectThrottled, type RejectedLink, type Throttled } from './rejections'
import type { ResetDependencies } from './reset-dependencies'
import type { Link, LinkPurpose } from './reset-link'
import { verifyLinkAuthenticity, verifyCancelLink } from './verify-link'

type CancelResetInput = { link: Link; locale: string; requestId: string; client: string }

type CancelResetOutcome = { ok: true; newLink: boolean } | RejectedLink | Throttled

/** Seconds for which emails with links pause: long enough to end a flood, too short to lock the owner out. */
const emailPause = 3600

/**
 * "This wasn't me": revokes all live links of the account and pauses its emails with links. May also request a new reset link
 * (`alsoRequestsNewLink`), whose email bypasses the pause. Above the limit of such requests, it revokes nothing: otherwise, attackers
 * could spend the installation's email budget with their accounts.
 *
 * @returns `newLink`: whether a new reset link was requested
 * @throws LimiterBroken or an error of the database
 */
export async function cancelReset(
  parts: ResetDependencies,
  input: CancelResetInput,
): Promise<CancelResetOutcome> {
  const { audit, database, limits, log, queue, recovery } = parts
  const { link, locale, requestId, client } = input
  const context = { requestId, client }
  const counted = await limits.countReset(client, verifyLinkAuthenticity(parts, 'cancel', link))
  if (!counted.ok) return rejectThrottled(parts, counted, context)
  const { status, account, purpose } = await verifyCancelLink(parts, link)
  if (status !== 'valid') return rejectLink(parts, status, link, context)

  const newLink = alsoRequestsNewLink(parts, account, link, purpose)
  if (newLink) {
    const restart = await limits.countRestart(account.id)
    if (!restart.ok) return rejectThrottled(parts, restart, context)
  }
  let cancelled = false
  try {
    cancelled = await database.transaction(async (tx) => {
      if (!(await recovery.revokeLinks(tx, account.id, account.linksEpoch, emailPause))) return false
      await audit.record('cancelled', { ...context, accountId: account.id, reason: purpose }, tx)
      const target = { accountId: account.id }
      if (newLink)
        await queue.add('link-request', { target, locale, requestId, client, bypassPause: true }, { tx })
      return true
    })
  } finally {
    if (newLink && !cancelled) await releaseCount(log, limits.returnRestart(account.id))
  }
  return cancelled ? { ok: true, newLink } : rejectLink(parts, 'signature-used', link, context)
}

export function alsoRequestsNewLink(
  { settings }: Pick<ResetDependencies, 'settings'>,
  account: Account,
  link: Link,
  purpose: LinkPurpose | undefined,
): boolean {
  return settings.reset.enabled && isPasswordChangedSinceLink(account, link, purpose) && isResettable(account)
}

/** Whether the password was changed after the timestamp of a valid link; a `cancel-change` link itself proves a change. */
export function isPasswordChangedSinceLink(
  account: Account,
  link: Link,
  purpose: LinkPurpose | undefined,
): boolean {
  return purpose === 'cancel-change' || passwordChangedSince(account, link.timestamp)
}
