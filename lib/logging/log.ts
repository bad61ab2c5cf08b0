import { hostname } from 'node:os'
import { pino, type Logger, type LoggerOptions } from 'pino'

export type Log = Logger

/**
 * JSON lines on standard output, with UTC times. Whoever logs passes named fields; what a person typed, a link, an
 * address in full or a key never goes into one (OWASP Logging, "Data to exclude").
 */
export function createLog(level: string, name: string): Log {
  const options: LoggerOptions = {
    level,
    base: { name, host: hostname(), pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
    // Pino copies the message of what stands under this key into the line; no field of ours is called that.
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

/** A disk that is full costs lines, never the process: pino would throw, and wait for ever after a fatal one. */
function standardOutput() {
  const output = pino.destination({ fd: 1, sync: true })
  output.on('error', () => undefined)
  output.flushSync = () => undefined
  return output
}

/**
 * What of an error may be logged: its name, code and stack frames. Messages of databases and parsers quote the values
 * they choke on, so only those of our own errors and of the system are kept.
 */
export function describeError(error: unknown): Record<string, unknown> {
  // The queue hands on copies of errors, which are errors no more.
  if (typeof error !== 'object' || error === null || !('stack' in error)) return { type: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const type = 'name' in error ? String(error.name) : 'Error'
  const frames = String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
  return { type, code, at: frames.slice(0, 8).map((line) => line.trim()) }
}
