/** Numbers of entries, and of batches. */
export type BatchBounds = {
  /** Entries that may wait. */
  waiting: number
  /** Batches under way at once. */
  underWay: number
  /** Entries of one client in a batch, so that a flood does not fill the batches of others. */
  perClient: number
  /** Entries in a batch. */
  size: number
}

/** Too many entries wait. */
export class LineFull extends Error {}

type Waiting<Entry, Result> = {
  entry: Entry
  /** Whose entry it is; undefined for work that no single client causes. */
  client: string | undefined
  resolve: (result: Promise<Result>) => void
  reject: (error: unknown) => void
}

export type BatchLine<Entry, Result> = ReturnType<typeof createBatchLine<Entry, Result>>

/**
 * Collects entries into batches. A batch leaves as soon as fewer than `underWay` are under way, without a timer: an entry that
 * finds nothing under way leaves in the same turn of the event loop, and under load a batch is what arrived during the ones
 * before it. Entries leave in the order of their arrival, except that a client with many lets others pass.
 *
 * @param run works on a batch and returns a promise for each entry, in their order; must not throw
 */
export function createBatchLine<Entry, Result>(
  run: (batch: Entry[]) => Promise<Promise<Result>[]>,
  bounds: BatchBounds,
) {
  let line: Waiting<Entry, Result>[] = []
  let underWay = 0

  /**
   * Adds an entry to the line.
   *
   * @returns the result of its batch
   * @throws LineFull at once if too many wait
   */
  function add(entry: Entry, client?: string): Promise<Result> {
    if (line.length >= bounds.waiting) return Promise.reject(new LineFull('Too many entries wait.'))
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    line.push({ entry, client, resolve, reject })
    // Not at once: what else this turn of the event loop brings belongs to the same batch.
    if (line.length === 1) queueMicrotask(sendNext)
    return promise
  }

  function sendNext(): void {
    while (underWay < bounds.underWay && line.length > 0) void send(takeBatch())
  }

  function takeBatch(): Waiting<Entry, Result>[] {
    const batch: Waiting<Entry, Result>[] = []
    const others: Waiting<Entry, Result>[] = []
    const taken = new Map<string, number>()
    for (const one of line) {
      const ofClient = one.client === undefined ? 0 : (taken.get(one.client) ?? 0)
      if (batch.length >= bounds.size || ofClient >= bounds.perClient) others.push(one)
      else {
        batch.push(one)
        if (one.client !== undefined) taken.set(one.client, ofClient + 1)
      }
    }
    line = others
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
