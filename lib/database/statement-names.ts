import { createHash } from 'node:crypto'
import type pg from 'pg'
import { isUnknownStatement } from './errors'

/** Further texts are sent without a name, so that texts that vary do not fill the memory. */
const mostNames = 500

export type StatementNames = ReturnType<typeof createStatementNames>

/**
 * Names the statements that have parameters by a digest of their text, so that a session parses a statement once. Only the session
 * that parsed a statement knows its name. A pooler may use another session for each transaction; then the process id that it gives to
 * clients differs from the session's, and statements get no names.
 */
export function createStatementNames({ sharedSession = false }: { sharedSession?: boolean | undefined }) {
  let enabled = !sharedSession
  const names = new Map<string, string>()

  function nameOf(text: string): string | undefined {
    const known = names.get(text)
    if (known !== undefined || names.size >= mostNames) return known
    const name = `rekey_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    names.set(text, name)
    return name
  }

  function nameStatementsOf(client: pg.PoolClient): void {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    client.query = ((config: unknown, ...others: unknown[]) =>
      query(...((enabled && withName(config, others)) || [config, ...others]))) as typeof client.query
  }

  function withName(config: unknown, others: unknown[]): unknown[] | undefined {
    if (typeof config === 'string') {
      const [values, ...callback] = others
      if (!hasItems(values)) return undefined
      return [{ text: config, values, name: nameOf(config) }, ...callback]
    }
    const { submit, text, name } = config as { submit?: unknown; text?: unknown; name?: unknown }
    if (submit !== undefined || name !== undefined || typeof text !== 'string') return undefined
    const { values = others[0] } = config as { values?: unknown }
    return hasItems(values) ? [{ ...(config as object), name: nameOf(text) }, ...others] : undefined
  }

  /** The option `verify` of a pool: names the statements of a new connection if its process id is the session's. */
  function verify(client: pg.PoolClient, done: (error?: Error) => void): void {
    if (!enabled) return done()
    client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS "pid"').then(({ rows }) => {
      const { processID } = client as unknown as { processID: number | null }
      if (rows[0]?.pid === processID) nameStatementsOf(client)
      done()
    }, done)
  }

  /**
   * Runs `work`. After a failure that a name may have caused, runs `work` once more without names, and stops naming statements unless it
   * fails in the same way: then its own SQL is the cause.
   */
  async function retry<Result>(work: () => Promise<Result>): Promise<Result> {
    const mayBeNamed = enabled
    try {
      return await work()
    } catch (error) {
      if (!mayBeNamed || !isUnknownStatement(error)) throw error
      const wasEnabled = enabled
      enabled = false
      return work().catch((second: unknown) => {
        if (isUnknownStatement(second)) enabled = wasEnabled
        throw second
      })
    }
  }

  return {
    verify,
    retry,
  }
}

const hasItems = (values: unknown) => Array.isArray(values) && values.length > 0
