export type BatchBounds = {
  /** The most entries that wait. */
  waiting: number
  /** The most batches in progress at once. */
  underWay: number
  /** The most entries of one client in a batch, so that one client cannot fill batches. */
  perClient: number
  /** The most entries in a batch. */
  size: number
}

/** An entry was not added to a batch queue, because too many entries wait. */
export class BatchQueueFull extends Error {}

type Waiting<Entry, Result> = {
  entry: Entry
  /** The key of the client that causes the entry; undefined if no single client does. */
  client: string | undefined
  resolve: (result: Promise<Result>) => void
  reject: (error: unknown) => void
}

export type BatchQueue<Entry, Result> = ReturnType<typeof createBatchQueue<Entry, Result>>

/**
 * Creates a queue that collects entries into batches, without a timer. The next batch starts as soon as fewer than `underWay` are
 * in progress: at once without load, and under load with the entries that arrived in the meantime. Entries leave in the order of
 * their arrival, except that the entries of a client above `perClient` wait for a later batch.
 *
 * @param run works on a batch and returns a promise for each entry, in their order; if `run` rejects, every entry fails
 */
export function createBatchQueue<Entry, Result>(
  run: (batch: Entry[]) => Promise<Promise<Result>[]>,
  bounds: BatchBounds,
) {
  let entries: Waiting<Entry, Result>[] = []
  let underWay = 0

  /**
   * Adds an entry to the queue.
   *
   * @returns the entry's result, once its batch is done
   * @throws BatchQueueFull at once if too many entries wait; the error of the entry or of its batch
   */
  function add(entry: Entry, client?: string): Promise<Result> {
    if (entries.length >= bounds.waiting) return Promise.reject(new BatchQueueFull('Too many entries wait.'))
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    entries.push({ entry, client, resolve, reject })
    // In a microtask, so that entries which are added right after this one can be in the same batch.
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
