import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import { pino, type Logger, type LoggerOptions } from 'pino'

/** Never log user input, a link, a full email or IP address, or a key (OWASP Logging, "Data to exclude"). */
export type Log = Logger

/** Next's bundle contains its own copy of this module, and both copies must share the request ids. */
const shared = globalThis as { rekeyRequestIds?: AsyncLocalStorage<string> }
const requestIds = (shared.rekeyRequestIds ??= new AsyncLocalStorage<string>())

/** Adds the request's id to the log lines of `handle`. */
export function runInRequestContext<Result>(requestId: string, handle: () => Result): Result {
  return requestIds.run(requestId, handle)
}

/** Returns undefined outside of `runInRequestContext`. */
export function currentRequestId(): string | undefined {
  return requestIds.getStore()
}

/** Creates a logger that writes JSON lines to standard output. */
export function createLog(level: string, name: string): Log {
  const options: LoggerOptions = {
    level,
    base: { name, host: hostname(), pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
    // A caller's `requestId` takes precedence, even undefined, for events that belong to no request, such as a lost connection.
    mixin: () => ({ requestId: currentRequestId() }),
    // Pino copies the message of an error under this key into the line, so no caller may use the key.
    errorKey: 'unused',
    hooks: {
      logMethod([first, ...rest], write) {
        write.apply(this, [
          (first as unknown) instanceof Error ? { err: first } : first,
          ...rest,
        ] as Parameters<typeof write>)
      },
    },
  }
  return pino(options, standardOutput())
}

/** Drops log lines if the disk is full. Pino's default would throw, or hang after a line of level fatal. */
function standardOutput() {
  const output = pino.destination({ fd: 1, sync: true })
  output.on('error', () => undefined)
  output.flushSync = () => undefined
  return output
}

/** Serializes an error without its message, because databases and parsers quote invalid values in messages. */
export function describeError(error: unknown): Record<string, unknown> {
  // pg-boss passes on plain copies of some errors, for which instanceof fails.
  if (typeof error !== 'object' || error === null || !('stack' in error)) return { type: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const type = 'name' in error ? String(error.name) : 'Error'
  const frames = String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
  return { type, code, ...databaseFacts(error), at: frames.slice(0, 8).map((line) => line.trim()) }
}

/** Whether a code is an SQLSTATE (PostgreSQL, Appendix A), and not one of Prisma, such as P1001, or Node, such as EPIPE. */
function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) && !/^P[1-9]/.test(code)
}

/** Reads an error of pg, also one that Prisma wraps. */
function databaseFacts(error: object): { sqlState?: string; constraint?: string } {
  for (let at: unknown = error, depth = 0; at instanceof Object && depth < 6; depth += 1) {
    const { originalCode, code, constraint, message, cause, meta } = at as Record<string, unknown>
    const state = [originalCode, code].find(isSqlState)
    if (state !== undefined) {
      const [, named] = / constraint "([^"]+)"/.exec(typeof message === 'string' ? message : '') ?? []
      const name = typeof constraint === 'string' ? constraint : named
      return { sqlState: state, ...(name !== undefined && { constraint: name }) }
    }
    at = cause ?? (meta as Record<string, unknown> | undefined)?.driverAdapterError
  }
  return {}
}
