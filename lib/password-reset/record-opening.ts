import { currentRequestId } from '@/lib/logging/log'
import type { ResetDependencies } from './reset-dependencies'
import type { Link } from './reset-link'

/** The signatures of the links whose opening this process recorded, at most `mostRecorded`; the oldest ones are forgotten. */
const recorded = new Set<string>()
const mostRecorded = 10_000

/**
 * Audits that a valid reset link was opened, by a person or by a mail scanner. Records one opening per link and process, unless the
 * link was forgotten (`recorded`), so that reloads do not fill the audit log. Works in the background, so that the page neither waits for
 * the audit log nor fails with it.
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
 * Reads from the reason of an audit entry when the opened link was requested. Links of one account usually differ in this time.
 *
 * @returns seconds since the epoch; undefined for the reason of another event
 */
export function requestTimeOfOpening(reason: string | null): number | undefined {
  const [, requestedAt] = /^requested-at (\d{1,12})$/.exec(reason ?? '') ?? []
  return requestedAt === undefined ? undefined : Number(requestedAt)
}
