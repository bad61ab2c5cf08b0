import type { Log } from '@/lib/logging/log'
import { mailHints, stopsEveryEmail } from './failure-hints'
import type { SendOutcome } from './delivery-result'

/**
 * Creates the log of failures that stop every email: `mail_stopped` with a hint for the operator, and `mail_resumed` at the next
 * success.
 *
 * @returns a function to call with the outcome of each attempt. It logs a failure again only after a different failure or a success
 */
export function createTroubleLog(log: Log): (outcome: SendOutcome) => void {
  let last: string | undefined
  return (outcome) => {
    if (outcome.ok) {
      if (last !== undefined) log.info({ event: 'mail_resumed' })
      last = undefined
    } else if (stopsEveryEmail(outcome.cause)) {
      const { cause, reason, alert } = outcome
      const failure = `${cause} ${reason}`
      if (failure !== last)
        log[alert === true ? 'error' : 'warn']({
          event: 'mail_stopped',
          cause,
          reason,
          hint: mailHints[cause],
        })
      last = failure
    }
  }
}
