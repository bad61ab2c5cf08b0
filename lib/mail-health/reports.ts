import type { Log } from '@/lib/logging/log'
import type { MailFacts, MailStateStore } from './state'
import { assessMailHealth, mailTimes, type MailTimes } from './verdict'

type Parts = {
  state: Pick<MailStateStore, 'read' | 'claimReport' | 'closeReport'>
  log: Log
  times?: MailTimes
  /** Called with the facts of each check before they are assessed. */
  onRead?: (facts: MailFacts) => void
}

/**
 * Checks the mail health every `times.check` milliseconds. While emails do not leave, one process logs `emails_not_leaving` per
 * `times.repeat`; afterwards, one logs `emails_leaving_again`.
 */
export function watchMailHealth({ state, log, times = mailTimes, onRead }: Parts) {
  let checking: Promise<void> | undefined

  function check(): Promise<void> {
    return (checking ??= checkOnce()
      // At debug level, because an unavailable database is logged elsewhere.
      .catch((error: unknown) => log.debug({ err: error, event: 'mail_state_unknown' }))
      .finally(() => (checking = undefined)))
  }

  async function checkOnce(): Promise<void> {
    const facts = await state.read()
    onRead?.(facts)
    const verdict = assessMailHealth(facts, times)
    if (verdict.status === 'failing') {
      const { cause, reason, since, hint } = verdict
      if (
        (facts.reported === null || facts.reported >= times.repeat) &&
        (await state.claimReport(times.repeat))
      )
        log.error({ event: 'emails_not_leaving', requestId: undefined, cause, reason, since, hint })
    } else if (facts.reported !== null && (await state.closeReport())) {
      log.info({ event: 'emails_leaving_again', requestId: undefined })
    }
  }

  const timer = setInterval(() => void check(), times.check)
  timer.unref()
  return {
    check,
    async stop(): Promise<void> {
      clearInterval(timer)
      await checking
    },
  }
}
