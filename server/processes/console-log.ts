import { currentRequestId, type Log } from '@/lib/logging/log'

const levels = {
  error: 'error',
  warn: 'warn',
  info: 'debug',
  log: 'debug',
  debug: 'debug',
  trace: 'debug',
} as const

/** Redirects the console to the log. Omits the messages of Error objects, which may quote values (requirement L3). */
export function redirectConsole(log: Log): void {
  for (const [method, level] of Object.entries(levels) as [
    keyof typeof levels,
    (typeof levels)[keyof typeof levels],
  ][]) {
    // eslint-disable-next-line no-console -- replaces the console that Next writes to
    console[method] = (...written: unknown[]) => {
      const error = written.find((part) => part instanceof Error)
      const facts = {
        event: 'next_reported',
        err: error,
        digest: digestOf(error),
        requestId: currentRequestId(),
      }
      // ECONNRESET: the client disconnected. Clients must not be able to fill the log.
      if (error !== undefined && 'code' in error && error.code === 'ECONNRESET') log.debug(facts)
      else if (error !== undefined) log[level](facts, 'Next caught an error')
      else log[level](facts, String(written.find((part) => typeof part === 'string')).slice(0, 200))
    }
  }
}

function digestOf(error: Error | undefined): string | undefined {
  return error !== undefined && 'digest' in error ? String(error.digest) : undefined
}
