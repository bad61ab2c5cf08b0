import type { Accounts } from '@/lib/accounts/accounts'
import type { Audit } from '@/lib/audit/audit'
import type { Settings } from '@/lib/config/settings'
import type { Database } from '@/lib/database/pool'
import type { BreachCheck } from '@/lib/passwords/breach-check'
import type { PasswordHash } from '@/lib/passwords/hash-queue'
import type { PasswordPolicy } from '@/lib/passwords/policy'
import type { Queue } from '@/lib/queue/queue'
import type { Counted, Limits } from '@/lib/rate-limits/limits'
import type { RecoveryStore } from '@/lib/recovery/recovery-store'
import type { Configuration } from './extension-points'
import type { Link, Links, Verdict } from './reset-link'

/** What the use cases of a reset work with. */
export type ResetParts = {
  accounts: Accounts
  recovery: RecoveryStore
  links: Links
  policy: PasswordPolicy
  isBreached: BreachCheck
  hash: PasswordHash
  queue: Queue
  limits: Limits
  audit: Audit
  database: Pick<Database, 'transaction'>
  settings: Pick<Settings, 'reset'>
  configuration: Configuration
}

export type RequestContext = { requestId: string; client: string }

export type Throttled = { ok: false; code: 'throttled'; retryAfter: number }

export type RefusedLink = {
  ok: false
  code: Exclude<Verdict, 'holds'> | 'second-factor-required' | 'second-factor-exhausted'
}

type Auditing = Pick<ResetParts, 'limits' | 'audit'>

/** Refuses a link. A forged link's user id is untrusted, so the audit entry omits it. */
export async function refuse(
  parts: Auditing,
  code: RefusedLink['code'],
  link: Link,
  context: RequestContext,
): Promise<RefusedLink> {
  await auditRefusal(parts, code, code === 'signature-invalid' ? undefined : link.user_id, context)
  return { ok: false, code }
}

/** Audits the first refusal of its kind, so that a flood does not fill the log. */
export async function auditRefusal(
  { limits, audit }: Auditing,
  reason: RefusedLink['code'] | 'password-rejected',
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

export async function throttled(
  parts: Pick<Auditing, 'audit'>,
  counted: Counted & { ok: false },
  context: RequestContext,
): Promise<Throttled> {
  await auditThrottled(parts, counted, context)
  return { ok: false, code: 'throttled', retryAfter: counted.retryAfter }
}

/** Audits the first refusal of a window, so that a flood does not fill the log. */
export async function auditThrottled(
  { audit }: Pick<Auditing, 'audit'>,
  counted: Counted & { ok: false },
  context: RequestContext,
): Promise<void> {
  if (counted.first) await audit.recordBestEffort('limited', { ...context, reason: counted.limit })
}

/**
 * Logs a request for an unknown account. The audit log gets the first per client and ten minutes: its rows stay for half a
 * year, and a flood of made-up logins must not fill the disk.
 */
export async function auditUnknownAccount(
  { limits, audit }: Auditing,
  context: RequestContext,
): Promise<void> {
  const facts = { ...context, reason: 'no-account' }
  if (await limits.isFirstInWindow(context.client, 'no-account'))
    await audit.recordBestEffort('requested', facts)
  else audit.logOnly('requested', facts)
}
