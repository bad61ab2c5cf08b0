import { createBatchQueue, type BatchBounds } from './batch-queue'
import { isBadValueError } from './errors'

/**
 * Creates a batch queue that sends each batch to the database as one statement.
 *
 * If the database rejects a value, the entries run again one by one, so that only entries with bad values fail. After any other error
 * all fail: the batch may have been committed, and a second try could store entries twice.
 *
 * @param execute commits all entries or none; returns a result for each entry, in their order
 */
export function createStatementQueue<Entry, Result>(
  execute: (entries: Entry[]) => Promise<Result[]>,
  bounds: BatchBounds,
) {
  async function run(batch: Entry[]): Promise<Promise<Result>[]> {
    try {
      return (await execute(batch)).map((result) => Promise.resolve(result))
    } catch (error) {
      if (batch.length === 1 || !isBadValueError(error)) throw error
      return oneByOne(batch)
    }
  }

  async function oneByOne(batch: Entry[]): Promise<Promise<Result>[]> {
    const results: Promise<Result>[] = []
    for (const entry of batch) {
      const result = execute([entry]).then(([only]) => only!)
      results.push(result)
      await result.catch(() => undefined)
    }
    return results
  }

  return createBatchQueue(run, bounds)
}
