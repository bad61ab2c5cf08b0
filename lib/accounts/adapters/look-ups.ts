import { performance } from 'node:perf_hooks'
import { LookUpTimedOut } from '@/lib/accounts/account-store'
import { createEmailIndexSql } from '@/lib/accounts/email-index'
import type { UsersMapping } from '@/lib/accounts/users-table'
import { isStatementCancelled } from '@/lib/database/errors'
import type { Database, Transaction } from '@/lib/database/pool'

/** Milliseconds. PostgreSQL must end the statement before `queryTimeout` of lib/database/pool.ts passes. */
const longestStatement = 3_500

/** Milliseconds. The wait and two statements must fit into the minute that the worker gives a job of the queue `link-request`. */
const longestWait = 20_000

/** Milliseconds. After a faster look-up, several may run at once. */
const fast = 100

type LookUp = <Result>(work: (client: Pick<Transaction, '$queryRaw'>) => Promise<Result>) => Promise<Result>

/**
 * Creates the function that runs look-ups in a users table that may be large and without an index. Unless the last look-up was fast, the
 * next one waits until no other runs: slow look-ups must not occupy every connection of the process.
 *
 * @returns a function that runs `work` in a transaction, and throws {@link LookUpTimedOut} if it took or waited too long
 */
export function createLookUpRunner(
  { transaction }: Pick<Database, 'transaction'>,
  mapping: UsersMapping,
  limits = { longestStatement, longestWait },
): LookUp {
  const waiting: (() => void)[] = []
  let running = 0
  let isFast = false

  const timedOut = (options?: ErrorOptions) =>
    new LookUpTimedOut(
      `A look-up of an address in ${mapping.table} took too long. Unless it has the index, have its owner run: ${createEmailIndexSql(mapping)}`,
      options,
    )

  async function takeTurn(): Promise<void> {
    if (isFast || running === 0) {
      running += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(start), 1)
        reject(timedOut())
      }, limits.longestWait)
      waiting.push(start)
    })
  }

  function endTurn(): void {
    running -= 1
    while (waiting.length > 0 && (isFast || running === 0)) {
      // Counted here: a newer look-up could start before the waiting one continues.
      running += 1
      waiting.shift()!()
    }
  }

  return async function lookUp(work) {
    await takeTurn()
    const started = performance.now()
    let limit = Infinity
    let ended = false
    try {
      const result = await transaction(async (tx) => {
        // Local to the transaction, because a pooler may give the session to other clients. A shorter limit that is already set stays.
        const [set] = await tx.$queryRaw<{ limit: number }[]>`
          SELECT 1000 * extract(epoch FROM set_config('statement_timeout', CASE
            WHEN current_setting('statement_timeout')::interval BETWEEN interval '1 ms' AND ${`${limits.longestStatement} ms`}::interval
            THEN current_setting('statement_timeout') ELSE ${`${limits.longestStatement} ms`} END, true)::interval)::float8 AS "limit"`
        limit = set?.limit ?? limit
        return work(tx)
      })
      ended = true
      return result
    } catch (error) {
      // An administrator may cancel a statement, too.
      const isLate = performance.now() - started >= limit
      throw isLate && isStatementCancelled(error) ? timedOut({ cause: error }) : error
    } finally {
      isFast = ended && performance.now() - started < fast
      endTurn()
    }
  }
}
