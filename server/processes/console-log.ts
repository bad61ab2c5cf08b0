import type { Log } from '@/lib/logging/log'
import { currentRequestId } from '@/server/http/request-context'

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
        requestId: currentRequestId(),
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
