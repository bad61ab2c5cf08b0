import { createHash } from 'node:crypto'
import type pg from 'pg'
import { isUnknownStatement } from './errors'

/** Texts that a process names at most; those after them are sent without a name. There are far fewer, unless some vary. */
const mostNames = 500

export type StatementNames = ReturnType<typeof createStatementNames>

/**
 * Names every statement with parameters after its text, so that a connection parses and plans it once. Names are given only on
 * connections that lead to one PostgreSQL session, because the session of another client would not know them. A pooler that
 * hands sessions out by transaction makes up the process id that it gives to clients, so the id differs from that of the
 * session.
 *
 * @param sharedSession all clients share one session, so no statement is named
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

  /** Finds out whether a new connection leads to a session of its own. */
  function verify(client: pg.PoolClient, done: (error?: Error) => void): void {
    if (!enabled) return done()
    client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS "pid"').then(({ rows }) => {
      const { processID } = client as unknown as { processID: number | null }
      if (rows[0]?.pid === processID) nameStatementsOf(client)
      done()
    }, done)
  }

  /** Runs work again without names if a session turns out not to know one. Names are then no longer given in this process. */
  async function retry<Result>(work: () => Promise<Result>): Promise<Result> {
    const mayBeNamed = enabled
    try {
      return await work()
    } catch (error) {
      if (!mayBeNamed || !isUnknownStatement(error)) throw error
      enabled = false
      return work()
    }
  }

  return {
    /** The option `verify` of a pool. */
    verify,
    retry,
  }
}

const hasItems = (values: unknown) => Array.isArray(values) && values.length > 0
