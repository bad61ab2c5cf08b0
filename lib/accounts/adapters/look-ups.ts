import { performance } from 'node:perf_hooks'
import { LookUpTimedOut } from '@/lib/accounts/account-store'
import { lookUpIndex } from '@/lib/accounts/look-up-index'
import type { UsersMapping } from '@/lib/accounts/users-table'
import { isStatementCancelled } from '@/lib/database/errors'
import type { Database, Transaction } from '@/lib/database/pool'

/** Milliseconds of one statement. A look-up has two, and must end before the pool stops to wait for it (lib/database/pool.ts). */
const longestStatement = 3_500

/**
 * Milliseconds that a look-up waits for its turn before it fails. Wait and look-up together, 27 seconds, must end within the minute
 * that the worker gives a requested link.
 */
const longestWait = 20_000

/** Milliseconds below which a look-up shows that an index serves it, or that the table is small. */
const fast = 100

type LookUp = <Result>(work: (client: Pick<Transaction, '$queryRaw'>) => Promise<Result>) => Promise<Result>

/**
 * Runs the look-ups in a table that is not Rekey's own and may be large and without an index. PostgreSQL ends a statement that takes
 * too long, and unless the latest look-up was fast, they run one at a time: else a few slow ones would occupy every connection
 * of the process.
 *
 * @returns runs a look-up; throws {@link LookUpTimedOut} if it, or its wait, took too long
 */
export function createLookUps(
  { transaction }: Pick<Database, 'transaction'>,
  mapping: UsersMapping,
  limits = { longestStatement, longestWait },
): LookUp {
  const waiting: (() => void)[] = []
  let running = 0
  let isFast = false

  const timedOut = (options?: ErrorOptions) =>
    new LookUpTimedOut(
      `A look-up of an address in ${mapping.table} took too long. Unless it has the index, have its owner run: ${lookUpIndex(mapping)}`,
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
      // Here and not when it continues, so that a newer one does not slip in between.
      running += 1
      waiting.shift()!()
    }
  }

  return async function lookUp(work) {
    await takeTurn()
    const started = performance.now()
    let ended = false
    try {
      const result = await transaction(async (tx) => {
        // Local to the transaction, because a pooler may give the session to others. A shorter limit of the role stays.
        await tx.$queryRaw`
          SELECT set_config('statement_timeout', CASE
            WHEN current_setting('statement_timeout')::interval BETWEEN interval '1 ms' AND ${`${limits.longestStatement} ms`}::interval
            THEN current_setting('statement_timeout') ELSE ${String(limits.longestStatement)} END, true)`
        return work(tx)
      })
      ended = true
      return result
    } catch (error) {
      throw isStatementCancelled(error) ? timedOut({ cause: error }) : error
    } finally {
      isFast = ended && performance.now() - started < fast
      endTurn()
    }
  }
}
