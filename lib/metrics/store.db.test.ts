import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createQueue } from '@/lib/queue/queue'
import { count, takeCounts } from './count'
import { startStoringMetrics } from './reporter'
import { createMetricsStore, type MetricsStore, type ProcessReport } from './store'

const log = pino({ level: 'silent' })
let testDatabase: TestDatabase
let database: Database
let store: MetricsStore
beforeAll(async () => {
  testDatabase = await createMigratedDatabase()
  database = openDatabase({ ...testDatabase, poolSize: 4 }, log)
  store = createMetricsStore(database)
}, 120_000)
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

const report = (facts: Partial<ProcessReport> = {}): ProcessReport => ({
  process: randomUUID(),
  kind: 'web',
  number: 1,
  counts: new Map(),
  gauges: {},
  ...facts,
})
const counted = async (series: string) => (await store.read()).counts.get(series) ?? 0

test('the reports of three processes at the same time add up to one count [L7]', async () => {
  const processes = [randomUUID(), randomUUID(), randomUUID()]
  await Promise.all(
    processes.map(async (process) => {
      for (let number = 1; number <= 20; number += 1) {
        const series = ['a', 'b', 'c'].sort(() => Math.random() - 0.5)
        await store.add(report({ process, number, counts: new Map(series.map((name) => [name, 1])) }))
      }
    }),
  )
  expect([await counted('a'), await counted('b'), await counted('c')]).toEqual([60, 60, 60])
})

test('a report that is sent again because its response was lost is counted once [L7]', async () => {
  const first = report({ counts: new Map([['lost', 5]]) })
  await Promise.all([store.add(first), store.add(first)])
  await store.add(first)
  expect(await counted('lost')).toBe(5)
  await store.add({ ...first, number: 2 })
  expect(await counted('lost')).toBe(10)
})

test('the gauges of all living processes of a kind are added up, without those of a process that has ended [L7]', async () => {
  await database.pool.query('DELETE FROM rekey.metric_processes')
  await store.add(report({ gauges: { waiting: 100 } }))
  await database.pool.query(`UPDATE rekey.metric_processes SET "seen_at" = now() - interval '31 seconds'`)
  await store.add(report({ gauges: { waiting: 2 } }))
  await store.add(report({ gauges: { waiting: 3 } }))
  await store.add(report({ kind: 'worker', gauges: { waiting: 50 } }))
  const { gauges, processes, lastReport } = await store.read()
  expect(Object.fromEntries(gauges.web)).toEqual({ waiting: 5 })
  expect(Object.fromEntries(gauges.worker)).toEqual({ waiting: 50 })
  expect(processes).toEqual({ web: 2, worker: 1 })
  expect(lastReport).toBeLessThan(10_000)
})

test('the row of a process that ended 25 hours ago is deleted, and its counts stay [L7]', async () => {
  const old = report({ counts: new Map([['kept', 1]]) })
  await store.add(old)
  await database.pool.query(
    `UPDATE rekey.metric_processes SET "seen_at" = now() - interval '25 hours' WHERE "id" = $1`,
    [old.process],
  )
  await store.purge()
  const { rows } = await database.pool.query('SELECT FROM rekey.metric_processes WHERE "id" = $1', [
    old.process,
  ])
  expect(rows).toHaveLength(0)
  expect(await counted('kept')).toBe(1)
})

test('unfinished jobs are counted by queue and state, with the age of the oldest [L7]', async () => {
  const none = { waiting: 0, retrying: 0, running: 0, oldest: 0 }
  expect(await store.readJobs()).toEqual(
    ['link-request', 'link-email', 'changed-email', 'changed-hook'].map((queue) => ({ queue, ...none })),
  )
  const job = { accountId: 'a', username: 'u', requestId: 'r' }
  const queue = createQueue(database)
  for (const _ of [1, 2, 3]) await queue.add('changed-hook', job)
  await database.pool.query(
    `UPDATE rekey_queue.job SET "state" = 'retry', "created_on" = now() - interval '70 seconds'
      WHERE "id" = (SELECT "id" FROM rekey_queue.job WHERE "name" = 'changed-hook' LIMIT 1)`,
  )
  await database.pool.query(
    `UPDATE rekey_queue.job SET "state" = 'completed'
      WHERE "id" = (SELECT "id" FROM rekey_queue.job WHERE "name" = 'changed-hook' AND "state" = 'created' LIMIT 1)`,
  )
  const [found] = (await store.readJobs()).filter((numbers) => numbers.queue === 'changed-hook')
  expect(found).toMatchObject({ waiting: 1, retrying: 1, running: 0 })
  expect(Math.abs(found!.oldest - 70)).toBeLessThan(10)
})

// On the embedded database, all clients share one session and cannot wait for each other.
test.runIf(testServer)('the database ends a query for metrics that waits for a lock [L7]', async () => {
  const blocker = await database.pool.connect()
  try {
    await blocker.query('BEGIN')
    await blocker.query('LOCK TABLE rekey.metrics IN ACCESS EXCLUSIVE MODE')
    const began = performance.now()
    await expect(store.read()).rejects.toThrow()
    expect(performance.now() - began).toBeLessThan(5_000)
    const { rows } = await blocker.query(
      `SELECT FROM pg_stat_activity WHERE "wait_event_type" = 'Lock' AND "datname" = current_database()`,
    )
    expect(rows).toHaveLength(0)
  } finally {
    await blocker.query('ROLLBACK')
    blocker.release()
  }
})

test('counts from an outage of the database are stored after it, and a last report is stored before the end [L7]', async () => {
  takeCounts()
  let away = true
  const add: MetricsStore['add'] = async (given) => {
    // The database may have committed what it could not confirm.
    await store.add(given)
    if (away) throw new Error('the connection broke')
  }
  const before = await counted('errors')
  count('errors', {})
  const began = performance.now()
  const reports = startStoringMetrics(
    { add, kind: 'web', log },
    { interval: 20, idle: 60_000, lastReport: 5_000 },
  )
  await expect.poll(() => counted('errors')).toBe(before + 1)
  // No report was stored since the start.
  await expect.poll(reports.age).toBeGreaterThan(100)
  count('errors', {})
  count('errors', {})
  away = false
  await expect.poll(() => counted('errors')).toBe(before + 3)
  expect(reports.age()).toBeLessThan(performance.now() - began - 100)
  count('errors', {})
  await reports.stop()
  expect(await counted('errors')).toBe(before + 4)
})

test('a process ends although the database does not respond to its last report [L7]', async () => {
  const reports = startStoringMetrics(
    { add: () => new Promise(() => undefined), kind: 'web', log },
    { interval: 20, idle: 20, lastReport: 50 },
  )
  const began = performance.now()
  await reports.stop()
  expect(performance.now() - began).toBeLessThan(2_000)
})
