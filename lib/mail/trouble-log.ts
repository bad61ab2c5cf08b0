import type { Log } from '@/lib/logging/log'
import { mailHints, stopsEveryEmail } from './failure-hints'
import type { SendOutcome } from './delivery-result'

/**
 * Logs what stops every email (`mail_stopped`), with a hint, and when emails leave again (`mail_resumed`).
 *
 * @returns a function that takes each outcome; it logs a trouble once, until it changes or an email leaves
 */
export function watchForTrouble(log: Log): (outcome: SendOutcome) => void {
  let last: string | undefined
  return (outcome) => {
    if (outcome.ok) {
      if (last !== undefined) log.info({ event: 'mail_resumed' })
      last = undefined
    } else if (stopsEveryEmail(outcome.cause)) {
      const { cause, reason, alert } = outcome
      const trouble = `${cause} ${reason}`
      if (trouble !== last)
        log[alert === true ? 'error' : 'warn']({
          event: 'mail_stopped',
          cause,
          reason,
          hint: mailHints[cause],
        })
      last = trouble
    }
  }
}
