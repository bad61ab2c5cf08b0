import type { Log } from '@/lib/logging/log'
import { logMisconfiguration, type Misconfiguration } from '@/lib/logging/misconfiguration-log'
import type { ErrorResponse } from './request-filter'

/** The error statuses of the front server that a wrong setting of Rekey or of a proxy can cause for all clients. */
const misconfigurations: Partial<Record<number, Misconfiguration>> = {
  403: 'plain-http',
  421: 'other-host',
  431: 'large-headers',
}

/**
 * Counts an error response of the front server if a wrong setting may be its cause, and logs it unless its kind was logged recently.
 *
 * @param outsidePath whether the request's path is not under the path of PUBLIC_URL
 */
export function logStatusIfMisconfigured(log: Log, { status }: ErrorResponse, outsidePath = false): void {
  const reason = outsidePath ? 'outside-path' : misconfigurations[status]
  if (reason !== undefined) logMisconfiguration(log, reason)
}
