/**
 * SQLSTATE classes that say the database cannot serve now: connection exceptions, resources exhausted, operator
 * intervention, system errors, read-only after a failover (PostgreSQL, Appendix A).
 */
const awayStates = /^(08|53|57|58|25006)/
const awayCodes =
  /^(ECONNREFUSED|ECONNRESET|ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|P1001|P1002|P1008|P1017|P2024|P2028)$/
const awayWords =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|not queryable|Client was closed|Can't reach database server|Cannot use a pool after|Connection closed|server login|ConnectionClosed|SocketTimeout|DatabaseNotReachable/i

/** Serialization failure and deadlock, as PostgreSQL, Prisma's client and its adapter name them. */
const conflictCodes = /^(40001|40P01|P2034|TransactionWriteConflict)$/

/** Whether an error means that the database cannot serve now, so that the same request may succeed later. */
export function isDatabaseAway(error: unknown): boolean {
  return isConflict(error) || someCause(error, isAway)
}

/**
 * Whether PostgreSQL undid the work because of a concurrent transaction, so that doing it once more may succeed
 * (PostgreSQL, "Serialization Failure Handling").
 */
export function isConflict(error: unknown): boolean {
  return someCause(error, ({ codes }) => codes.some((code) => conflictCodes.test(code)))
}

/** Milliseconds that a conflict's first repetition waits at most; each further one up to twice as long. */
const firstPause = 10
const longestPause = 200
const mostTries = 12

/**
 * Does work that PostgreSQL may undo because of a concurrent transaction, and does it again when that happens. Under a
 * default isolation of `repeatable read` or `serializable`, every statement that waits for another's row is undone.
 *
 * @throws the last conflict after twelve tries, about a second; any other error at once
 */
export async function retryConflicts<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (tries === mostTries || !isConflict(error)) throw error
      const pause = Math.random() * Math.min(firstPause * 2 ** (tries - 1), longestPause)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/**
 * What an operator may be told of a failed connection: the system's code or PostgreSQL's own words. Without the name of a
 * host: `withoutSecrets` decides whether that may be shown.
 */
export function reasonOf(error: unknown): string {
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

/** Looks at an error and at what caused it, in each of the forms that pg, Prisma and its adapter give it. */
function someCause(error: unknown, holds: (described: Described) => boolean): boolean {
  for (let at = error, depth = 0; at instanceof Object && depth < 6; depth += 1) {
    const { code, originalCode, kind, message, cause, meta } = at as Record<string, unknown>
    const codes = [code, originalCode, kind].filter((value) => typeof value === 'string')
    if (holds({ codes, message: typeof message === 'string' ? message : '' })) return true
    at = cause ?? (meta as Record<string, unknown> | undefined)?.driverAdapterError
  }
  return false
}
