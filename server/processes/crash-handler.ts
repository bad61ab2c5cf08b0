import { AsyncLocalStorage } from 'node:async_hooks'
import type { Log } from '@/lib/logging/log'

const requestIds = new AsyncLocalStorage<string>()

/** Runs what handles a request, so that whatever is logged on its behalf can name it. */
export function inRequest<Result>(requestId: string, handle: () => Result): Result {
  return requestIds.run(requestId, handle)
}

const levels = {
  error: 'error',
  warn: 'warn',
  info: 'debug',
  log: 'debug',
  debug: 'debug',
  trace: 'debug',
} as const

/**
 * Turns what Next writes to the console into log lines. Next catches what a page or a handler throws and tells nobody
 * else, so this is where such an error is seen; its message stays out, because messages quote values (requirement L3).
 */
export function logConsole(log: Log): void {
  for (const [method, level] of Object.entries(levels) as [
    keyof typeof levels,
    (typeof levels)[keyof typeof levels],
  ][]) {
    // eslint-disable-next-line no-console -- the one place that takes the console away from Next
    console[method] = (...written: unknown[]) => {
      const error = written.find((part) => part instanceof Error)
      const facts = {
        event: 'next_reported',
        err: error,
        digest: digestOf(error),
        requestId: requestIds.getStore(),
      }
      // A client that hangs up is no error of ours, and must not be able to fill the log.
      if (error !== undefined && 'code' in error && error.code === 'ECONNRESET') log.debug(facts)
      else if (error !== undefined) log[level](facts, 'an error was caught by Next')
      else log[level](facts, String(written.find((part) => typeof part === 'string')).slice(0, 200))
    }
  }
}

/** The number that Next shows on its error page. */
function digestOf(error: Error | undefined): string | undefined {
  return error !== undefined && 'digest' in error ? String(error.digest) : undefined
}

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
    log.fatal({ err: error, event: 'sys_crash', reason: event, requestId: requestIds.getStore() }, 'crashed')
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
