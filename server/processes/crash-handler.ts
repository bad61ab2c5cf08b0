import { currentRequestId, type Log } from '@/lib/logging/log'

/**
 * Ends the process after an uncaught error: its state is unknown, and the supervisor starts a new one. Running requests get
 * a moment to finish. Call it after everything is loaded: it replaces listeners that would continue, such as Next's.
 *
 * @param close stops accepting work and finishes running work
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
