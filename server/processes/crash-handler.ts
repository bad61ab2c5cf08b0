import type { Log } from '@/lib/logging/log'
import { currentRequestId } from '@/server/http/request-context'

/**
 * Ends the process after an error that nobody caught: its state is unknown, and the supervisor starts a fresh one.
 * Requests in progress get a moment to finish. To be called once everything is loaded: it takes the place of listeners
 * that would carry on, Next's among them.
 *
 * @param close stops taking work and finishes what is in hand
 * @param patience milliseconds that `close` may take
 */
export function exitOnCrash(log: Log, close: () => Promise<void>, patience = 5_000): void {
  let crashed = false
  const crash = (error: unknown, event: string) => {
    log.fatal({ err: error, event: 'sys_crash', reason: event, requestId: currentRequestId() }, 'crashed')
    if (crashed) return
    crashed = true
    setTimeout(() => process.exit(1), patience)
    void close().finally(() => process.exit(1))
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.removeAllListeners(event)
    process.on(event, (error: unknown) => crash(error, event))
  }
}
