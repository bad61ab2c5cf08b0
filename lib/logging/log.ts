import { hostname } from 'node:os'
import { pino, type Logger, type LoggerOptions } from 'pino'

export type Log = Logger

/**
 * Creates a logger that writes JSON lines with UTC times to standard output. Callers pass named fields, and never user
 * input, a link, a full address or a key (OWASP Logging, "Data to exclude").
 */
export function createLog(level: string, name: string): Log {
  const options: LoggerOptions = {
    level,
    base: { name, host: hostname(), pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
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
 * Serializes an error for the log: its name, code and the first eight stack frames. Without its message, because databases
 * and parsers quote the invalid value in theirs.
 */
export function describeError(error: unknown): Record<string, unknown> {
  // The queue passes on plain copies of errors, for which instanceof fails.
  if (typeof error !== 'object' || error === null || !('stack' in error)) return { type: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const type = 'name' in error ? String(error.name) : 'Error'
  const frames = String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
  return { type, code, at: frames.slice(0, 8).map((line) => line.trim()) }
}
