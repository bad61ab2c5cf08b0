import type { Log } from '@/lib/logging/log'
import { logRefusal, type Misconfiguration } from '@/lib/logging/refusal-log'
import type { Refused } from './request-filter'

/** The refusals of the server in front that a wrong setting, here or in a proxy, can cause for everybody. */
const misconfigurations: Partial<Record<number, Misconfiguration>> = {
  403: 'plain-http',
  421: 'other-host',
  431: 'large-headers',
}

/**
 * Logs a refusal of the server in front where an operator may have to mend something; rarely, whatever comes.
 *
 * @param outsidePath whether the request's path is not under that of PUBLIC_URL
 */
export function logRefused(log: Log, { status }: Refused, outsidePath = false): void {
  const reason = outsidePath ? 'outside-path' : misconfigurations[status]
  if (reason !== undefined) logRefusal(log, reason)
}
