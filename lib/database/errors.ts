/** SQLSTATEs of an unavailable database (PostgreSQL, Appendix A). A failover can cause 25006, a read-only transaction. */
const awayStates = /^(08|53|57|58|25006)/
const awayCodes =
  /^(ECONNREFUSED|ECONNRESET|ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|P1001|P1002|P1008|P1017|P2024|P2028)$/
const awayWords =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|not queryable|Client was closed|Can't reach database server|Cannot use a pool after|Connection closed|server login|ConnectionClosed|SocketTimeout|DatabaseNotReachable/i

/** Codes of PostgreSQL, Prisma's client and its adapter for serialization failures and deadlocks. */
const conflictCodes = /^(40001|40P01|P2034|TransactionWriteConflict)$/

/** Whether the database was unavailable, cancelled a statement or had a conflict, so that a later try may succeed. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return isTransactionConflict(error) || someCause(error, isAway)
}

/** Whether a transaction failed because of a concurrent one (PostgreSQL, "Serialization Failure Handling"). */
function isTransactionConflict(error: unknown): boolean {
  return someCause(error, ({ codes }) => codes.some((code) => conflictCodes.test(code)))
}

/** Whether a prepared statement's name is unknown or taken, or its result type changed; also true for other errors of code 0A000. */
export function isUnknownStatement(error: unknown): boolean {
  return someCause(error, ({ codes }) => codes.some((code) => /^(26000|42P05|0A000)$/.test(code)))
}

/** Whether the database rejected a value (SQLSTATE classes 22 and 23: data exception, integrity constraint violation). */
export function isBadValueError(error: unknown): boolean {
  return someCause(error, ({ codes }) => codes.some((code) => /^2[23]/.test(code)))
}

/** Whether PostgreSQL cancelled a statement, for example at `statement_timeout`. */
export function isStatementCancelled(error: unknown): boolean {
  return someCause(error, ({ codes }) => codes.includes('57014'))
}

/** Milliseconds. Pauses are random; their upper limit doubles with each retry, up to `maxPause`. */
const firstPause = 10
const maxPause = 200
const maxTries = 12

/**
 * Runs work, and retries it after a deadlock or a serialization failure.
 *
 * @throws the last conflict after twelve tries, with pauses of about 1.5 s at most in all; any other error at once
 */
export async function retryConflicts<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (tries === maxTries || !isTransactionConflict(error)) throw error
      const pause = Math.random() * Math.min(firstPause * 2 ** (tries - 1), maxPause)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/** Describes a failed connection by code and message. Omits an unresolvable host name, which may be a part of a password. */
export function connectionFailureReason(error: unknown): string {
  const { code, message, syscall } = error as { code?: string; message?: string; syscall?: string }
  if (syscall === 'getaddrinfo') return `${code}: the name of its host cannot be resolved`
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ') || 'no reason given'
}

type Described = { codes: string[]; message: string }

function isAway({ codes, message }: Described): boolean {
  return (
    awayWords.test(message) ||
    codes.some((code) => awayStates.test(code) || awayCodes.test(code) || awayWords.test(code))
  )
}

/** Whether an error or a cause of it matches. Reads the formats of pg, Prisma and its adapter. */
function someCause(error: unknown, matches: (described: Described) => boolean): boolean {
  for (let at = error, depth = 0; at instanceof Object && depth < 6; depth += 1) {
    const { code, originalCode, kind, message, cause, meta } = at as Record<string, unknown>
    const codes = [code, originalCode, kind].filter((value) => typeof value === 'string')
    if (matches({ codes, message: typeof message === 'string' ? message : '' })) return true
    at = cause ?? (meta as Record<string, unknown> | undefined)?.driverAdapterError
  }
  return false
}
