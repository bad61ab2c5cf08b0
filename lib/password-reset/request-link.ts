import { randomUUID } from 'node:crypto'
import { isResettable } from '@/lib/accounts/account'
import { maxLoginLength } from '@/lib/accounts/account-store'
import type { LimitResult } from '@/lib/rate-limits/limits'
import { findResettableAccounts } from './find-accounts'
import { auditUnknownAccount, rejectThrottled, type Throttled } from './rejections'
import type { ResetDependencies } from './reset-dependencies'
import type { Link } from './reset-link'
import { verifyLinkAuthenticity } from './verify-link'

/** A typed login or an older link names the account. */
type RequestLinkInput = {
  target: { login: string } | { link: Link }
  locale: string
  requestId: string
  client: string
}

type RequestLinkOutcome =
  { ok: true; found: true | 'not-told' } | { ok: false; code: 'not-genuine' | 'not-found' } | Throttled

/**
 * Stores a request for a link. Does not look up the account, unless RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND=true, because the
 * response must not depend on the account (OWASP Forgot Password, "Forgot Password Request").
 *
 * @returns `found: true` and 'not-found' only with that setting; 'not-genuine' for a link that is no genuine reset link
 * @throws LimiterBroken, LookUpTimedOut, or an error of the database or of a team's function
 */
export async function requestLink(
  parts: ResetDependencies,
  input: RequestLinkInput,
): Promise<RequestLinkOutcome> {
  const { queue, settings } = parts
  const { target, locale, requestId, client } = input
  if ('link' in target && verifyLinkAuthenticity(parts, 'reset', target.link) === null)
    return { ok: false, code: 'not-genuine' }
  const tells = settings.reset.failWhenUserNotFound
  const tooLong = 'login' in target && target.login.length > maxLoginLength
  const stored = 'login' in target ? target : { accountId: target.link.user_id }
  const job = { target: stored, locale, requestId, client, bypassPause: false }
  // One transaction counts the request and stores the job.
  const isStoredWithCount = !tells && !tooLong
  const counted = await count(parts, input, isStoredWithCount ? { id: randomUUID(), data: job } : undefined)
  if (!counted.ok) return rejectThrottled(parts, counted, { requestId, client })

  if (tells && (tooLong || !(await hasAccount(parts, target)))) return { ok: false, code: 'not-found' }
  if (tooLong) await auditUnknownAccount(parts, { requestId, client })
  else if (!isStoredWithCount) await queue.add('link-request', job)
  return { ok: true, found: tells ? true : 'not-told' }
}

function count(
  { limits }: ResetDependencies,
  { target, client }: RequestLinkInput,
  job: Parameters<ResetDependencies['limits']['countRequest']>[2],
): Promise<LimitResult> {
  return 'login' in target
    ? limits.countRequest(client, target.login, job)
    : limits.countRenewal(client, target.link, job)
}

async function hasAccount(parts: ResetDependencies, target: RequestLinkInput['target']): Promise<boolean> {
  if ('login' in target) return (await findResettableAccounts(parts, target.login)).length > 0
  const { account } = await parts.accounts.read(target.link.user_id)
  return account !== null && isResettable(account)
}
