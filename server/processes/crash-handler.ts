import { currentRequestId, type Log } from '@/lib/logging/log'

/**
 * Ends the process after an uncaught exception or an unhandled rejection, because its state is unknown. Call it after everything is
 * loaded: it replaces all listeners, such as Next's, that would let the process continue.
 *
 * @param timeout milliseconds that `close` may take
 */
export function exitOnCrash(log: Log, close: () => Promise<void>, timeout = 5_000): void {
  let crashed = false
  const crash = (error: unknown, event: string) => {
    log.fatal({ err: error, event: 'sys_crash', reason: event, requestId: currentRequestId() }, 'crashed')
    if (crashed) return
    crashed = true
    setTimeout(() => process.exit(1), timeout)
    void close().finally(() => process.exit(1))
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.removeAllListeners(event)
    process.on(event, (error: unknown) => crash(error, event))
  }
}
