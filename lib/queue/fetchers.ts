import type { JobResult, JobWithMetadata, PgBoss, WorkOptions } from 'pg-boss'

/** A loop of pg-boss that fetches and runs jobs. `id` is undefined until `boss.work` has returned. */
type Fetcher = { id?: string; isBusy: boolean }

type Waking = {
  fetchers: Fetcher[]
  /** The index of the fetcher to try first. The fetcher that was woken last comes last, because it may be fetching already. */
  next: number
  /** Whether `wake` found no idle fetcher. Then the next fetcher that ends its jobs fetches again. */
  isOwed: boolean
}

/**
 * Makes a notification wake one idle fetcher of its queue, because pg-boss would wake all of them. A fetcher that got a full batch wakes
 * the next one. Call this function before `boss.start()`, which starts to listen.
 *
 * @returns a function like `boss.work`, which starts such fetchers
 */
export function createFetchers(boss: PgBoss) {
  const queues = new Map<string, Waking>()
  const db = boss.getDb()
  const listen = db.listen?.bind(db)
  if (listen !== undefined)
    db.listen = (channel, _, onReconnect) =>
      listen(
        channel,
        (name) => {
          const queue = queues.get(name)
          if (queue !== undefined) wake(queue)
        },
        onReconnect,
      )

  function wake(queue: Waking): void {
    const { fetchers, next } = queue
    for (let tried = 0; tried < fetchers.length; tried += 1) {
      const at = (next + tried) % fetchers.length
      const { id, isBusy } = fetchers[at]!
      if (isBusy || id === undefined) continue
      queue.next = at + 1
      return boss.notifyWorker(id)
    }
    queue.isOwed = true
  }

  return async function work<Data extends object>(
    name: string,
    options: WorkOptions & {
      includeMetadata: true
      perJobResults: true
      localConcurrency: number
      batchSize: number
    },
    handle: (jobs: JobWithMetadata<Data>[]) => Promise<JobResult[]>,
  ): Promise<void> {
    const queue: Waking = { fetchers: [], next: 0, isOwed: false }
    queues.set(name, queue)
    for (let nth = 0; nth < options.localConcurrency; nth += 1) {
      const fetcher: Fetcher = { isBusy: false }
      queue.fetchers.push(fetcher)
      fetcher.id = await boss.work(
        name,
        { ...options, localConcurrency: 1 },
        async (jobs: JobWithMetadata<Data>[]) => {
          fetcher.isBusy = true
          if (jobs.length === options.batchSize) wake(queue)
          try {
            return await handle(jobs)
          } finally {
            fetcher.isBusy = false
            if (queue.isOwed && fetcher.id !== undefined) {
              queue.isOwed = false
              boss.notifyWorker(fetcher.id)
            }
          }
        },
      )
    }
  }
}
