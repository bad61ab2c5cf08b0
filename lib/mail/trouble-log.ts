import type { Log } from '@/lib/logging/log'
import { mailHints, stopsEveryEmail } from './failure-hints'
import type { SendOutcome } from './delivery-result'

/**
 * Logs a failure that stops every email (`mail_stopped`), with a hint, and the next success (`mail_resumed`).
 *
 * @returns a function to call with each outcome; it logs the same failure once until it changes or an email is accepted
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
