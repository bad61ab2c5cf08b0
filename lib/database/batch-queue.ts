export type BatchBounds = {
  waiting: number
  /** Batches in progress. */
  underWay: number
  /** Entries of one client in a batch, so that one client cannot fill batches. */
  perClient: number
  size: number
}

export class BatchQueueFull extends Error {}

type Waiting<Entry, Result> = {
  entry: Entry
  /** Undefined: the limit per client does not apply. */
  client: string | undefined
  resolve: (result: Promise<Result>) => void
  reject: (error: unknown) => void
}

export type BatchQueue<Entry, Result> = ReturnType<typeof createBatchQueue<Entry, Result>>

/**
 * Creates a queue that runs entries in batches, without a timer: a batch starts as soon as fewer than `underWay` are in progress.
 *
 * @param run returns a promise for each entry of a batch, in their order; if `run` rejects, all entries of the batch fail
 */
export function createBatchQueue<Entry, Result>(
  run: (batch: Entry[]) => Promise<Promise<Result>[]>,
  bounds: BatchBounds,
) {
  let entries: Waiting<Entry, Result>[] = []
  let underWay = 0

  /** @throws BatchQueueFull if too many entries wait; otherwise the error of the entry or of its batch */
  function add(entry: Entry, client?: string): Promise<Result> {
    if (entries.length >= bounds.waiting) return Promise.reject(new BatchQueueFull('Too many entries wait.'))
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    entries.push({ entry, client, resolve, reject })
    // In a microtask, so that entries added right after this one can join its batch.
    if (entries.length === 1) queueMicrotask(sendNext)
    return promise
  }

  function sendNext(): void {
    while (underWay < bounds.underWay && entries.length > 0) void send(takeBatch())
  }

  function takeBatch(): Waiting<Entry, Result>[] {
    const batch: Waiting<Entry, Result>[] = []
    const others: Waiting<Entry, Result>[] = []
    const taken = new Map<string, number>()
    for (const one of entries) {
      const ofClient = one.client === undefined ? 0 : (taken.get(one.client) ?? 0)
      if (batch.length >= bounds.size || ofClient >= bounds.perClient) others.push(one)
      else {
        batch.push(one)
        if (one.client !== undefined) taken.set(one.client, ofClient + 1)
      }
    }
    entries = others
    return batch
  }

  async function send(batch: Waiting<Entry, Result>[]): Promise<void> {
    underWay += 1
    try {
      const results = await run(batch.map(({ entry }) => entry))
      batch.forEach(({ resolve }, at) => resolve(results[at]!))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      underWay -= 1
      sendNext()
    }
  }

  return { add }
}
