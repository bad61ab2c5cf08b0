import pg from 'pg'
import { isUnknownStatement } from './errors'

/** `values` are in PostgreSQL's text format. Statements with different texts must have different names. */
export type Statement = { name: string; text: string; values?: readonly string[] }

/** A row in PostgreSQL's text format. */
export type TextRow = (string | null)[]

/** Formats an array in PostgreSQL's text format; undefined becomes NULL. */
export function arrayText<Item>(
  items: readonly Item[],
  read: (item: Item) => string | number | undefined,
): string {
  const elements = items.map((item) => {
    const value = read(item)
    return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : (value ?? 'NULL')
  })
  return `{${elements.join(',')}}`
}

/** Shorter than the pool's timeout of 8 s: otherwise a statement could keep rows locked after Rekey stopped waiting for it. */
export const serverTimeouts: Timeouts = { statement: 6_000, lock: 4_000 }

type Timeouts = {
  /** `statement_timeout` in milliseconds. */
  statement: number
  /** `lock_timeout` in milliseconds. */
  lock: number
}

/**
 * Rolls back a transaction after an error. The response to ROLLBACK shows whether the session survived: `pg` gives the severity of an
 * error only in the language of the server's messages.
 *
 * @returns the error of ROLLBACK, after which the connection must be closed
 */
export async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  return client.query('ROLLBACK').then(
    () => undefined,
    (failure: Error) => failure,
  )
}

/** PostgreSQL responds to COMMIT with ROLLBACK if a statement of the transaction failed. */
export class NotCommitted extends Error {
  constructor(command: string) {
    super(`The transaction was rolled back: PostgreSQL responded to COMMIT with ${command}.`)
  }
}

/**
 * Creates the function that runs a statement in a READ COMMITTED transaction, in one round trip. PostgreSQL applies the timeouts, because
 * a client that stops waiting does not stop its statement. Statements get names only on a connection whose process id is the session's,
 * because a pooler may use another session for each transaction.
 *
 * @param sharedSession whether all clients share one session; then names of statements would collide, so none is named
 */
export function createPipelinedTransactions(
  { pool, sharedSession = false }: { pool: pg.Pool; sharedSession?: boolean | undefined },
  timeouts: Timeouts,
) {
  /** The names that the session of a connection knows. A connection is absent until its process id has been compared. */
  const known = new WeakMap<pg.PoolClient, Set<string>>()
  let namesAreSafe = !sharedSession
  const begin: Statement = { name: 'rekey_begin', text: 'BEGIN ISOLATION LEVEL READ COMMITTED' }
  const bound: Statement = {
    name: 'rekey_bound',
    // A plan for the values of each batch would cost more than it saves.
    text: `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
                  set_config('plan_cache_mode', 'force_generic_plan', true), pg_backend_pid()`,
    values: [String(timeouts.statement), String(timeouts.lock)],
  }
  const commit: Statement = { name: 'rekey_commit', text: 'COMMIT' }

  /** Returns the statement's rows, after the commit. If the connection was lost, the transaction may have been committed. */
  async function run(statement: Statement): Promise<TextRow[]> {
    const client = await pool.connect()
    // Without a listener, the loss of a connection in use would end the process.
    client.on('error', ignore)
    let broken: Error | undefined
    try {
      const names = namesAreSafe ? known.get(client) : undefined
      const [, settings, rows] = await send(client, [begin, bound, statement, commit], names)
      learn(client, settings?.[0]?.at(-1))
      return rows!
    } catch (error) {
      broken = error instanceof pg.DatabaseError ? await rollBack(client) : (error as Error)
      if (broken !== undefined || !namesAreSafe || !isUnknownStatement(error)) throw error
      namesAreSafe = false
    } finally {
      client.off('error', ignore)
      client.release(broken)
    }
    return run(statement)
  }

  /** Allows names on a connection whose process id is the session's; otherwise stops naming statements. */
  function learn(client: pg.PoolClient, pid: string | null | undefined): void {
    const { processID } = client as unknown as { processID: number | null }
    if (pid !== String(processID)) namesAreSafe = false
    else if (!known.has(client)) known.set(client, new Set())
  }

  return { run }
}

const ignore = () => undefined

function send(
  client: pg.PoolClient,
  statements: Statement[],
  names: Set<string> | undefined,
): Promise<TextRow[][]> {
  return new Promise((resolve, reject) => {
    client.query(
      new Pipeline(statements, names, (error, results) => (error ? reject(error) : resolve(results!))),
    )
  })
}

/** The members of pg's connection that send messages of the extended query protocol. */
type Messages = {
  stream: { cork(): void; uncork(): void }
  close(statement: { type: 'S'; name: string }): void
  parse(statement: { name: string; text: string }): void
  bind(portal: { statement: string; values: readonly string[] }): void
  execute(portal: object): void
  sync(): void
}

/** Sends statements with one Sync. After an error, the server skips the statements up to the Sync (PostgreSQL, "Pipelining"). */
class Pipeline implements pg.Submittable {
  readonly statements: Statement[]
  readonly names: Set<string> | undefined
  callback: (error: Error | null, results?: TextRow[][]) => void
  private readonly results: TextRow[][] = [[]]
  private tag = ''

  constructor(
    statements: Statement[],
    names: Set<string> | undefined,
    callback: (error: Error | null, results?: TextRow[][]) => void,
  ) {
    this.statements = statements
    this.names = names
    this.callback = callback
  }

  submit(given: pg.Connection): void {
    const connection = given as unknown as Messages
    connection.stream.cork()
    for (const statement of this.statements) {
      const { text, values = [] } = statement
      const name = this.names === undefined ? '' : statement.name
      if (!this.names?.has(name)) {
        // A failed transaction may have left the name in the session. For PostgreSQL, closing an unknown name is no error.
        if (name !== '') connection.close({ type: 'S', name })
        connection.parse({ name, text })
      }
      connection.bind({ statement: name, values })
      connection.execute({})
    }
    connection.sync()
    connection.stream.uncork()
  }

  handleDataRow({ fields }: { fields: TextRow }): void {
    this.results.at(-1)!.push(fields)
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.tag = text
    this.results.push([])
  }

  handleError(error: Error): void {
    this.callback(error)
  }

  handleReadyForQuery(): void {
    if (this.tag !== 'COMMIT') return this.callback(new NotCommitted(this.tag))
    if (this.names !== undefined) for (const { name } of this.statements) this.names.add(name)
    this.callback(null, this.results)
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}
