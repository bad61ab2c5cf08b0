import { count } from '@/lib/metrics/count'
import type { LimitResult } from '@/lib/rate-limits/limits'
import type { Link, LinkStatus } from './reset-link'
import type { RequestContext, ResetDependencies } from './reset-dependencies'

/** `retryAfter`: seconds. */
export type Throttled = { ok: false; code: 'throttled'; retryAfter: number }

/** `link-exhausted`: the hashes of the link are used up (`hashesPerLink`). */
export type RejectedLink = {
  ok: false
  code: Exclude<LinkStatus, 'valid'> | 'link-exhausted' | 'second-factor-required' | 'second-factor-exhausted'
}

type Auditing = Pick<ResetDependencies, 'limits' | 'audit'>

/** Audits a rejected link. The user id of a forged link is untrusted, so the audit entry omits it. */
export async function rejectLink(
  parts: Auditing,
  code: RejectedLink['code'],
  link: Link,
  context: RequestContext,
): Promise<RejectedLink> {
  await auditRejection(parts, code, code === 'signature-invalid' ? undefined : link.user_id, context)
  return { ok: false, code }
}

/** Audits the first rejection per reason, account, client and ten minutes: a flood must not fill the log. */
export async function auditRejection(
  { limits, audit }: Auditing,
  reason: RejectedLink['code'] | 'password-rejected',
  accountId: string | undefined,
  context: RequestContext,
): Promise<void> {
  if (!(await limits.isFirstInWindow(context.client, `${reason} ${accountId}`))) return
  await audit.recordBestEffort(reason === 'signature-used' ? 'reused' : 'refused', {
    ...context,
    accountId,
    reason,
  })
}

export async function rejectThrottled(
  parts: Pick<Auditing, 'audit'>,
  counted: LimitResult & { ok: false },
  context: RequestContext,
): Promise<Throttled> {
  await auditThrottled(parts, counted, context)
  return { ok: false, code: 'throttled', retryAfter: counted.retryAfter }
}

/** Audits the first rejection in the limit's window, so that a flood does not fill the log. */
export async function auditThrottled(
  { audit }: Pick<Auditing, 'audit'>,
  counted: LimitResult & { ok: false },
  context: RequestContext,
): Promise<void> {
  if (counted.limit !== 'firstEvents') count('limited', { limit: counted.limit })
  if (counted.first) await audit.recordBestEffort('limited', { ...context, reason: counted.limit })
}

/** Audits the first request without an account per client and ten minutes: a flood of invented logins must not fill the disk. */
export async function auditUnknownAccount(
  { limits, audit }: Auditing,
  context: RequestContext,
): Promise<void> {
  const facts = { ...context, reason: 'no-account' }
  if (await limits.isFirstInWindow(context.client, 'no-account'))
    await audit.recordBestEffort('requested', facts)
  else audit.logOnly('requested', facts)
}
