import pg from 'pg'
import { NotCommitted, rollBack } from './pipelined-transactions'
import { createQueries, type Queries } from './queries'

/**
 * Runs work in one transaction at READ COMMITTED. If it throws, nothing was committed, unless the connection failed during COMMIT.
 *
 * @throws NotCommitted if PostgreSQL rolled back instead of committing
 */
export async function runTransaction<Result>(
  pool: pg.Pool,
  work: (tx: Queries) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let lost: Error | undefined
  async function run(statement: string | pg.QueryConfig): Promise<pg.QueryResult> {
    try {
      return await client.query(statement)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) lost = error as Error
      throw error
    }
  }
  try {
    await run('BEGIN ISOLATION LEVEL READ COMMITTED')
    const result = await work(createQueries(run))
    const { command } = await run('COMMIT')
    if (command !== 'COMMIT') throw new NotCommitted(command)
    return result
  } catch (error) {
    lost ??= await rollBack(client)
    throw error
  } finally {
    client.release(lost)
  }
}
