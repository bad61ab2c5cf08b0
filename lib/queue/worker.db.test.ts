import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import type { AuditFacts } from '@/lib/audit/audit'
import { attemptDeadlineMs } from '@/lib/mail/smtp-options'
import { createQueue, type AttemptResult, type JobHandlers, type Queue } from './queue'
import { maxAttemptsInDoubt, maxCostlyAttempts, startQueueWorker } from './worker'
import { defaultSchemaNames } from '@/lib/config/schema-names'

let database: TestDatabase
let pool: pg.Pool
let queue: Queue
beforeAll(async () => {
  database = await createMigratedDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  queue = createQueue({ pool, schemas: defaultSchemaNames })
}, 120_000)
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const logged: Record<string, unknown>[] = []
const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
let told: AuditFacts[] = []
let stop = async () => {}
beforeEach(async () => {
  await pool.query('DELETE FROM rekey_queue.job')
  logged.length = 0
  told = []
})
afterEach(() => stop())

const done = async (): Promise<AttemptResult> => ({ outcome: 'done' })
const later = async (): Promise<AttemptResult> => ({ outcome: 'later', reason: 'ETLS' })

/** Starts a worker that runs two jobs of a queue at once. */
async function work(handlers: Partial<JobHandlers>, batchSizes?: { 'changed-hook': number }) {
  const givenUp = async (facts: AuditFacts) => void told.push(facts)
  const all = { 'link-request': done, 'link-email': done, 'changed-email': done }
  stop = await startQueueWorker(
    {
      database,
      log,
      concurrency: { 'link-request': 2, 'link-email': 2, 'changed-email': 2, 'changed-hook': 2 },
      ...(batchSizes && { batchSizes }),
      givenUp,
    },
    { ...all, 'changed-hook': done, ...handlers },
  )
}

const accountId = randomUUID()

async function addTelling(requestId = 'r'): Promise<string> {
  const id = randomUUID()
  await queue.add('changed-hook', { accountId, username: 'jane', requestId }, { id })
  return id
}

async function addEmail(): Promise<string> {
  const id = randomUUID()
  const data = { accountId, requestedAt: 1, locale: 'en', requestId: 'r', bypassPause: false }
  await queue.add('link-email', data, { id })
  return id
}

const set = (id: string, what: string) => pool.query(`UPDATE rekey_queue.job SET ${what} WHERE id = $1`, [id])

type Row = { state: string; output: unknown; retry_count: number }
const read = async (id: string) =>
  (await pool.query<Row>('SELECT state::text, output, retry_count FROM rekey_queue.job WHERE id = $1', [id]))
    .rows[0]!
const until = (id: string, state: string) =>
  expect.poll(async () => (await read(id)).state, { timeout: 20_000 }).toBe(state)

const entries = (event: string) => logged.filter((entry) => entry.event === event)

describe('of two jobs that were fetched together', () => {
  test.each([
    ['F3: one that is done is written down', done, 'completed'],
    ['F5: one that is put off is due again', later, 'retry'],
  ])('%s while the other is still under way', async (_, first, state) => {
    const { promise: open, resolve } = Promise.withResolvers<void>()
    const [quick, slow] = [await addTelling('quick'), await addTelling('slow')]
    const handled: string[] = []
    await work({
      'changed-hook': async ({ id }) => {
        handled.push(id)
        if (id === quick) return first()
        await open
        return { outcome: 'done' }
      },
    })
    await until(quick, state)
    expect([handled.toSorted(), (await read(slow)).state]).toEqual([[quick, slow].toSorted(), 'active'])
    resolve()
    await until(slow, 'completed')
    expect(await read(quick)).toMatchObject({ state, retry_count: 0 })
  })
})

test('of eight jobs that were fetched together, each that is done is written down while the last is under way [F3]', async () => {
  const { promise: open, resolve } = Promise.withResolvers<void>()
  const quick: string[] = []
  for (let i = 0; i < 7; i += 1) quick.push(await addTelling())
  const slow = await addTelling()
  const handle: JobHandlers['changed-hook'] = async ({ id }) => {
    if (id === slow) await open
    return { outcome: 'done' }
  }
  await work({ 'changed-hook': handle }, { 'changed-hook': 8 })
  for (const id of quick) await until(id, 'completed')
  expect((await read(slow)).state).toBe('active')
  resolve()
  await until(slow, 'completed')
})

describe('a job that takes too long', () => {
  test('is tried again later, and its worker goes on; an email of it may have left [M9, L1]', async () => {
    const [email, telling] = [await addEmail(), await addTelling()]
    await Promise.all([email, telling].map((id) => set(id, 'expire_seconds = 31')))
    const hang = ({ id }: { id: string }) =>
      id === email || id === telling ? new Promise<AttemptResult>(() => undefined) : done()
    await work({ 'link-email': hang, 'changed-hook': hang })
    await until(email, 'retry')
    await until(telling, 'retry')
    await until(await addTelling(), 'completed')
    expect((await read(email)).output).toEqual({ reason: 'deadline', maybeDelivered: 1 })
    expect((await read(telling)).output).toEqual({ reason: 'deadline', maybeDelivered: 0 })
    const facts = { requestId: 'r', attempt: 1, level: 50, reason: 'deadline' }
    expect(entries('job_late')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...facts, queue: 'link-email', jobId: email }),
        expect.objectContaining({ ...facts, queue: 'changed-hook', jobId: telling }),
      ]),
    )
  })

  test('has longer than a mail server may take for an email, and a minute for all else [M9]', async () => {
    const { rows } = await pool.query<{ name: string; seconds: number }>(
      'SELECT name, expire_seconds AS seconds FROM rekey_queue.queue',
    )
    const milliseconds = Object.fromEntries(rows.map(({ name, seconds }) => [name, seconds * 1000 - 30_000]))
    for (const name of ['link-email', 'changed-email'])
      expect(milliseconds[name]).toBeGreaterThan(attemptDeadlineMs)
    for (const name of ['link-request', 'changed-hook']) expect(milliseconds[name]).toBe(60_000)
  })
})

describe('a job that fails again and again', () => {
  const throws = async () => Promise.reject(new Error('broken'))

  test.each([
    ['at its retry limit', 'retry_limit = 3, retry_count = 3'],
    ['a day before the queue would forget it', `keep_until = now() + interval '23 hours'`],
  ])('is given up %s: the log rings, and its account’s story tells [F1, L1]', async (_, state) => {
    const id = await addTelling()
    await set(id, state)
    await work({ 'changed-hook': throws })
    await until(id, 'failed')
    expect(told).toEqual([{ accountId, requestId: 'r', reason: 'changed-hook error' }])
    const given = { level: 50, queue: 'changed-hook', jobId: id, requestId: 'r', reason: 'error' }
    expect(entries('job_given_up')).toMatchObject([given])
  })

  test.each([
    [{ login: 'jane' }, undefined],
    [{ accountId }, accountId],
  ])('is given up where %j was asked for, too [F1]', async (target, account) => {
    const id = randomUUID()
    const data = { target, client: '203.0.113.9', bypassPause: false, locale: 'en', requestId: 'r' }
    await queue.add('link-request', data, { id })
    await set(id, 'retry_limit = 0')
    await work({ 'link-request': throws })
    await until(id, 'failed')
    expect(told).toEqual([{ accountId: account, requestId: 'r', reason: 'link-request error' }])
  })

  test('is not given up before, and nobody is told [F5]', async () => {
    const id = await addTelling()
    await set(id, `retry_limit = 4, retry_count = 3, keep_until = now() + interval '25 hours'`)
    await work({ 'changed-hook': throws })
    await until(id, 'retry')
    expect([told, entries('job_given_up')]).toEqual([[], []])
  })

  test('that tells of a new password lasts a week, and the queue keeps it longer [F1]', async () => {
    const { rows } = await pool.query(
      `SELECT name, retention_seconds / 86400 AS days, retry_limit * 300 / 86400 AS tries FROM rekey_queue.queue
        WHERE name IN ('changed-email', 'changed-hook') ORDER BY name`,
    )
    expect(rows).toMatchObject([{ days: 8 }, { days: 8 }])
    for (const { tries } of rows) expect(tries).toBeGreaterThan(7)
  })
})

describe('an email that may have left', () => {
  const maybeDelivered = async (): Promise<AttemptResult> => ({
    outcome: 'later',
    reason: 'mail-unanswered',
    maybeDelivered: true,
  })

  test.each([
    ['again', maybeDelivered, maxAttemptsInDoubt - 1, maxAttemptsInDoubt],
    ['for another reason', later, 2, 2],
  ])('is counted through the attempts (%s) [F3]', async (_, ends, before, after) => {
    const id = await addEmail()
    await set(id, `retry_count = 7, output = '{"reason": "mail-unanswered", "maybeDelivered": ${before}}'`)
    await work({ 'link-email': ends })
    await until(id, after === maxAttemptsInDoubt ? 'failed' : 'retry')
    expect((await read(id)).output).toMatchObject({ maybeDelivered: after })
  })

  test('is sent a few times and not once more, however often it could be [F3, L1]', async () => {
    const id = await addEmail()
    let sent = 0
    await work({
      'link-email': async (email) => {
        if (email.id !== id) return { outcome: 'done' }
        sent += 1
        return maybeDelivered()
      },
    })
    // Retry now instead of after some seconds; another job notifies the worker.
    const hurry = async () => {
      await set(id, `start_after = now() - interval '1 second'`)
      await addEmail()
      return (await read(id)).state
    }
    await expect.poll(hurry, { timeout: 50_000, interval: 300 }).toBe('failed')
    expect(sent).toBe(maxAttemptsInDoubt)
    expect(told).toEqual([{ accountId, requestId: 'r', reason: 'link-email mail-unanswered' }])
    expect(entries('job_given_up')).toMatchObject([
      { level: 50, queue: 'link-email', jobId: id, attempt: maxAttemptsInDoubt },
    ])
  })
})

describe('an attempt that was a burden to the database', () => {
  const costly = async (): Promise<AttemptResult> => ({
    outcome: 'later',
    reason: 'look-up-timed-out',
    isCostly: true,
  })

  test.each([
    ['the last one', costly, maxCostlyAttempts - 1, maxCostlyAttempts],
    ['one before', costly, maxCostlyAttempts - 2, maxCostlyAttempts - 1],
    ['one that was none', later, maxCostlyAttempts - 1, maxCostlyAttempts - 1],
  ])(
    'is made a few times, and the last is recorded as a failure (%s) [W10]',
    async (_, ends, before, after) => {
      const id = await addEmail()
      // Those that the database was away for do not count.
      await set(
        id,
        `retry_count = 40, output = '{"reason": "error", "maybeDelivered": 0, "costly": ${before}}'`,
      )
      await work({ 'link-email': ends })
      const isLast = after === maxCostlyAttempts
      await until(id, isLast ? 'failed' : 'retry')
      expect((await read(id)).output).toMatchObject({ costly: after })
      expect(told.map(({ reason }) => reason)).toEqual(isLast ? ['link-email look-up-timed-out'] : [])
    },
  )
})
