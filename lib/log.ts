import { hostname } from 'node:os'
import { pino, type Logger } from 'pino'

export type Log = Logger

/**
 * JSON lines on standard output, with UTC times. Whoever logs passes named fields; what a person typed, a link, an
 * address in full or a key never goes into one (OWASP Logging, "Data to exclude").
 */
export function createLog(level: string, name: string): Log {
  return pino({
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
  })
}

/**
 * What of an error may be logged: its name, code and stack frames. Messages of databases and parsers quote the values
 * they choke on, so only those of our own errors and of the system are kept.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return { type: error.name, code, at: frames.slice(0, 8).map((line) => line.trim()) }
}
