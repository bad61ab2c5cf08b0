import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { count, openCountedRequests, request, type CountedRequests } from '@/e2e/support/counted-requests'
import { queueOn } from '@/e2e/support/opened-queue'
import { notificationChannel } from './notifications'
import { queueTablesVersion } from './queue-state'

let all: CountedRequests
let boss: PgBoss
beforeAll(async () => {
  all = await openCountedRequests()
  boss = new PgBoss({
    db: { executeSql: (text, values) => all.pool.query(text, values as unknown[]) },
    schema: all.database.schemas.queue,
    migrate: false,
    supervise: false,
    schedule: false,
  })
  boss.on('error', () => undefined)
  await boss.start()
}, 120_000)
beforeEach(() => all.clear())
afterAll(async () => {
  await boss.stop({ graceful: false, close: false })
  await all.close()
})

test('package.json pins the exact version of pg-boss whose tables and rows Rekey knows [R14]', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const installed = JSON.parse(readFileSync('node_modules/pg-boss/package.json', 'utf8'))
  expect(dependencies['pg-boss']).toBe(installed.version)
  expect(installed.pgboss.schema).toBe(queueTablesVersion)
})

describe('the stored job of a request', () => {
  const rowOf = async (id: string) => {
    const { rows } = await all.pool.query('SELECT * FROM "rekey_queue"."job" WHERE "id" = $1', [id])
    const { id: _, start_after, created_on, keep_until, ...others } = rows[0] as Record<string, unknown>
    const kept = (keep_until as Date).getTime() - (start_after as Date).getTime()
    const waits = (start_after as Date).getTime() - (created_on as Date).getTime()
    return { ...others, kept, waits, table: rows[0].tableoid }
  }

  test('the job of a request has the row that pg-boss’s own send writes, column by column [R14]', async () => {
    const entry = request('a', 'ada')
    await all.counter().count(entry)
    const sent = randomUUID()
    await boss.send('link-request', entry.job!.data, { id: sent })
    expect(await rowOf(entry.job!.id)).toEqual(await rowOf(sent))
  })

  test.each([0, 60])(
    'a job that is added and waits %i seconds has that row, too [F3]',
    async (afterSeconds) => {
      const { data } = request('a', 'ada').job!
      const [added, again, sent] = [randomUUID(), randomUUID(), randomUUID()]
      const queue = queueOn(all.pool)
      await queue.add('link-request', data, { id: added, afterSeconds })
      await queue.add('link-request', { ...data, client: 'another' }, { id: added })
      await queue.add('link-request', data, { id: again, afterSeconds })
      await boss.send('link-request', data, { id: sent, startAfter: afterSeconds })
      expect(await rowOf(added)).toEqual(await rowOf(sent))
      expect(await rowOf(again)).toEqual(await rowOf(sent))
    },
  )

  test('pg-boss fetches and completes the jobs of a batch, which sends one notification [R14]', async () => {
    const received: string[] = []
    const listener = new pg.Client({ connectionString: all.database.url })
    listener.on('notification', ({ payload }) => void received.push(payload!))
    await listener.connect()
    try {
      if (!all.database.sharedSession)
        await listener.query(`LISTEN ${pg.escapeIdentifier(notificationChannel(all.database.schemas.queue))}`)
      const entries = ['ada', 'bob'].map((login) => request('a', login))
      const counter = all.counter()
      await Promise.all(entries.map((entry) => counter.count(entry)))
      await counter.count({ own: count('no job'), points: 1 })
      await boss.send('link-request', entries[0]!.job!.data)
      const fetched = await boss.fetch('link-request', { batchSize: 10 })
      for (const { job } of entries)
        expect(fetched).toContainEqual(expect.objectContaining({ id: job!.id, data: job!.data }))
      await boss.complete('link-request', fetched[0]!.id)
      if (!all.database.sharedSession)
        await expect.poll(() => received).toEqual(['link-request', 'link-request'])
    } finally {
      await listener.end()
    }
  })
})
