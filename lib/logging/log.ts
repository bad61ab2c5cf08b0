import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import { pino, type Logger, type LoggerOptions } from 'pino'

/** A logger of named fields. Never pass user input, a link, a full address or a key. */
export type Log = Logger

/** Global, because Next's bundle has modules of its own. */
const shared = globalThis as { rekeyRequestIds?: AsyncLocalStorage<string> }
const requestIds = (shared.rekeyRequestIds ??= new AsyncLocalStorage<string>())

/** Runs the handler of a request, or of a job that it caused, so that each log line in it has the request's id. */
export function runInRequestContext<Result>(requestId: string, handle: () => Result): Result {
  return requestIds.run(requestId, handle)
}

/** Returns the id of the current request; undefined outside of one. */
export function currentRequestId(): string | undefined {
  return requestIds.getStore()
}

/**
 * Creates a logger that writes JSON lines with UTC times to standard output. Callers pass named fields, and never user
 * input, a link, a full address or a key (OWASP Logging, "Data to exclude"). Every line within a request, or within a job that
 * it caused, has its id. Lines of what many requests share, such as a pool, pass `requestId: undefined`: they would otherwise
 * name the request in which it was opened.
 */
export function createLog(level: string, name: string): Log {
  const options: LoggerOptions = {
    level,
    base: { name, host: hostname(), pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
    // A line that names its request itself, or says `requestId: undefined`, keeps that.
    mixin: () => ({ requestId: currentRequestId() }),
    // Pino copies the message of the error under this key into the line; an unused key prevents it.
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

/** Drops lines if the disk is full. By default pino would throw, and after a fatal line wait forever. */
function standardOutput() {
  const output = pino.destination({ fd: 1, sync: true })
  output.on('error', () => undefined)
  output.flushSync = () => undefined
  return output
}

/**
 * Serializes an error for the log: its name, code and the first eight stack frames; of a database's error also SQLSTATE and
 * constraint. Without its message, because databases and parsers quote the invalid value in theirs.
 */
export function describeError(error: unknown): Record<string, unknown> {
  // The queue passes on plain copies of errors, for which instanceof fails.
  if (typeof error !== 'object' || error === null || !('stack' in error)) return { type: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const type = 'name' in error ? String(error.name) : 'Error'
  const frames = String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
  return { type, code, ...databaseFacts(error), at: frames.slice(0, 8).map((line) => line.trim()) }
}

/** Five capitals or digits (PostgreSQL, Appendix A). Prisma's codes begin with `P1` to `P9`, and Node's have no digit. */
function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) && !/^P[1-9]/.test(code)
}

/** SQLSTATE and the name of a violated constraint, from pg's own error or the one that Prisma wraps. */
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
