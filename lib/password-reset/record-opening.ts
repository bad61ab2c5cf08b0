import { currentRequestId } from '@/lib/logging/log'
import type { ResetDependencies } from './reset-dependencies'
import type { Link } from './reset-link'

/** The signatures of links whose opening this process recorded; the oldest ones are forgotten. */
const recorded = new Set<string>()
const mostRecorded = 10_000

/** Audits in the background that a reset link was opened, once per remembered link, so that reloads do not fill the audit log. */
export function recordOpening(
  { audit }: Pick<ResetDependencies, 'audit'>,
  { signature, user_id: accountId, timestamp }: Link,
): void {
  if (recorded.has(signature)) return
  recorded.add(signature)
  if (recorded.size > mostRecorded) recorded.delete(recorded.values().next().value!)
  const facts = { accountId, requestId: currentRequestId(), reason: openedReason(timestamp) }
  void audit.recordBestEffort('opened', facts)
}

const openedReason = (requestedAt: number): string => `requested-at ${requestedAt}`

/** Reads the time of the link's request from an audit entry's reason, in seconds since the epoch; undefined for another reason. */
export function requestTimeOfOpening(reason: string | null): number | undefined {
  const [, requestedAt] = /^requested-at (\d{1,12})$/.exec(reason ?? '') ?? []
  return requestedAt === undefined ? undefined : Number(requestedAt)
}
