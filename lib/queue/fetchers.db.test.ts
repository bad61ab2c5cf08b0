import { PgBoss } from 'pg-boss'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openQueue, type OpenedQueue } from '@/e2e/support/opened-queue'
import { testServer } from '@/e2e/support/test-database'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { createFetchers } from './fetchers'

// On the embedded database, every client gets every notification.
describe.runIf(testServer)('fetchers that a notification wakes [F1]', () => {
  let opened: OpenedQueue
  beforeAll(async () => void (opened = await openQueue()), 120_000)
  afterAll(() => opened.close())

  let boss: PgBoss
  let fetches: number
  beforeEach(async () => {
    await opened.pool.query('DELETE FROM rekey_queue.job')
    boss = new PgBoss({
      connectionString: opened.database.url,
      schema: defaultSchemaNames.queue,
      migrate: false,
      supervise: false,
      schedule: false,
      useListenNotify: true,
    })
    boss.on('error', () => undefined)
  })
  afterEach(() => boss.stop({ graceful: false }))

  /** Starts fetchers that poll so rarely that no test sees it. */
  async function work(localConcurrency: number, batchSize: number, handle: (ids: string[]) => Promise<void>) {
    const start = createFetchers(boss)
    const db = boss.getDb()
    const execute = db.executeSql.bind(db)
    db.executeSql = (...args: Parameters<typeof execute>) => {
      if (/SKIP LOCKED/.test(args[0]) && args[0].includes(`'changed-hook'`)) fetches += 1
      return execute(...args)
    }
    fetches = 0
    await boss.start()
    const options = { includeMetadata: true, perJobResults: true, burstWhenBatchFull: true } as const
    const polling = { pollingIntervalSeconds: 600, notifyPollingIntervalSeconds: 600 }
    await start('changed-hook', { ...options, ...polling, localConcurrency, batchSize }, async (jobs) => {
      await handle(jobs.map(({ id }) => id))
      return jobs.map(({ id }) => ({ id, status: 'completed' as const }))
    })
    // Each looks once when it starts.
    await expect.poll(() => fetches).toBeGreaterThanOrEqual(localConcurrency)
    await new Promise((resolve) => setTimeout(resolve, 200))
    fetches = 0
  }

  const add = () => opened.queue.add('changed-hook', { accountId: 'a', username: 'jane', requestId: 'r' })

  test('are woken one for each notification, not all of them', async () => {
    const handled: string[] = []
    await work(8, 4, async (ids) => void handled.push(...ids))
    for (let sent = 1; sent <= 3; sent += 1) {
      await add()
      await expect.poll(() => handled.length).toBe(sent)
    }
    expect(fetches).toBe(3)
  })

  test('wake the next one if there may be more jobs than one takes', async () => {
    const { promise: open, resolve } = Promise.withResolvers<void>()
    const handled: string[] = []
    await work(4, 2, async (ids) => {
      handled.push(...ids)
      await open
    })
    const jobs = Array.from({ length: 7 }, () => ({
      data: { accountId: 'a', username: 'jane', requestId: 'r' },
    }))
    // One statement, and so one notification.
    await boss.insert('changed-hook', jobs)
    await expect.poll(() => handled.length).toBe(7)
    expect(fetches).toBe(4)
    resolve()
  })

  test('fetch at once what came while all were busy', async () => {
    const { promise: open, resolve } = Promise.withResolvers<void>()
    const handled: string[] = []
    await work(1, 2, async (ids) => {
      handled.push(...ids)
      if (handled.length === 1) await open
    })
    await add()
    await expect.poll(() => handled.length).toBe(1)
    await add()
    await new Promise((after) => setTimeout(after, 200))
    expect(handled).toHaveLength(1)
    resolve()
    await expect.poll(() => handled.length).toBe(2)
  })
})
