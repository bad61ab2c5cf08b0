import type { Log } from '@/lib/logging/log'
import { logMisconfiguration, type Misconfiguration } from '@/lib/logging/misconfiguration-log'
import type { ErrorResponse } from './request-filter'

/** The error statuses that a wrong setting of Rekey or of a proxy can cause. */
const misconfigurations: Partial<Record<number, Misconfiguration>> = {
  403: 'plain-http',
  421: 'other-host',
  431: 'large-headers',
}

/** Reports an error response that a wrong setting may have caused. `outsidePath`: the path is not under that of PUBLIC_URL. */
export function logStatusIfMisconfigured(log: Log, { status }: ErrorResponse, outsidePath = false): void {
  const reason = outsidePath ? 'outside-path' : misconfigurations[status]
  if (reason !== undefined) logMisconfiguration(log, reason)
}
