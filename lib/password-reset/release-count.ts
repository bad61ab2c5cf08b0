import type { Log } from '@/lib/logging/log'

/** Takes back a count; logs a failure instead of throwing, because it must not replace the result of the work. */
export async function releaseCount(log: Log, release: Promise<void>): Promise<void> {
  await release.catch((error: unknown) => log.warn({ err: error, event: 'count_not_released' }))
}
