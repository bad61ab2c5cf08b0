import { currentRequestId } from '@/lib/logging/log'
import type { ResetDependencies } from './reset-dependencies'
import type { Link } from './reset-link'

/** Links whose opening this process recorded; the oldest ones are forgotten. */
const recorded = new Set<string>()
const mostRecorded = 10_000

/**
 * Audits that a valid link was opened, by a person or by a mail scanner. Records it once per link and process, so that
 * reloads do not fill the table; and in the background, so that the page neither waits for it nor fails with it.
 */
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

/**
 * Reads from the audit entry of an opening which of an account's links was opened.
 *
 * @returns when the link was requested, in seconds since the epoch; undefined for a reason of another event
 */
export function requestTimeOfOpening(reason: string | null): number | undefined {
  const [, requestedAt] = /^requested-at (\d{1,12})$/.exec(reason ?? '') ?? []
  return requestedAt === undefined ? undefined : Number(requestedAt)
}
