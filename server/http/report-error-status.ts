import type { Log } from '@/lib/logging/log'
import { reportRefusedRequest, type RefusedRequestReason } from '@/lib/logging/refused-requests'
import type { ErrorResponse } from './request-filter'

/** The error statuses that a wrong setting of Rekey or of a proxy can cause. */
const reasons: Partial<Record<number, RefusedRequestReason>> = {
  403: 'plain-http',
  421: 'other-host',
  431: 'large-headers',
}

/** Reports an error response that a wrong setting may have caused. `outsidePath`: the path is not under that of PUBLIC_URL. */
export function reportErrorStatus(log: Log, { status }: ErrorResponse, outsidePath = false): void {
  const reason = outsidePath ? 'outside-path' : reasons[status]
  if (reason !== undefined) reportRefusedRequest(log, reason)
}
