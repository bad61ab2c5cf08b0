import type { Log } from '@/lib/logging/log'
import { mailHints, stopsEveryEmail } from './failure-hints'
import type { SendOutcome } from './delivery-result'

/**
 * Creates the log of failures that stop every email. Repetitions of one cause and reason are logged once as `mail_stopped`,
 * and the next success as `mail_resumed`.
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
