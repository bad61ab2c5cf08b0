import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openQueue, type OpenedQueue } from '@/e2e/support/opened-queue'
import type { AuditFacts } from '@/lib/audit/audit'
import { attemptDeadlineMs } from '@/lib/mail/smtp-options'
import { notificationsArrive } from './notifications'
import type { AttemptResult, JobHandlers } from './queue'
import { maxAttemptsInDoubt, maxCostlyAttempts, startQueueWorker } from './worker'

let opened: OpenedQueue
beforeAll(async () => void (opened = await openQueue()), 120_000)
afterAll(() => opened.close())

const logged: Record<string, unknown>[] = []
const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
let givenUp: AuditFacts[] = []
let stop = async () => {}
beforeEach(async () => {
  await opened.pool.query('DELETE FROM rekey_queue.job')
  logged.length = 0
  givenUp = []
})
afterEach(() => stop())

const done = async (): Promise<AttemptResult> => ({ outcome: 'done' })
const later = async (): Promise<AttemptResult> => ({ outcome: 'later', reason: 'ETLS' })

async function work(handlers: Partial<JobHandlers>, batchSizes?: { 'changed-hook': number }) {
  const all = { 'link-request': done, 'link-email': done, 'changed-email': done }
  stop = await startQueueWorker(
    {
      database: opened.database,
      log,
      concurrency: { 'link-request': 2, 'link-email': 2, 'changed-email': 2, 'changed-hook': 2 },
      ...(batchSizes && { batchSizes }),
      givenUp: async (facts) => void givenUp.push(facts),
    },
    { ...all, 'changed-hook': done, ...handlers },
  )
}

test('notifications reach a worker, on a server and on the embedded database', async () => {
  expect(await notificationsArrive(opened.database.url)).toBe(true)
})

const accountId = randomUUID()

async function addHook(requestId = 'r'): Promise<string> {
  const id = randomUUID()
  await opened.queue.add('changed-hook', { accountId, username: 'jane', requestId }, { id })
  return id
}

async function addEmail(): Promise<string> {
  const id = randomUUID()
  const data = { accountId, requestedAt: 1, locale: 'en', requestId: 'r', bypassPause: false }
  await opened.queue.add('link-email', data, { id })
  return id
}

const set = (id: string, what: string) =>
  opened.pool.query(`UPDATE rekey_queue.job SET ${what} WHERE id = $1`, [id])

type Row = { state: string; output: unknown; retry_count: number }
const read = async (id: string) =>
  (
    await opened.pool.query<Row>(
      'SELECT state::text, output, retry_count FROM rekey_queue.job WHERE id = $1',
      [id],
    )
  ).rows[0]!
const until = (id: string, state: string) =>
  expect.poll(async () => (await read(id)).state, { timeout: 20_000 }).toBe(state)

const entries = (event: string) => logged.filter((entry) => entry.event === event)

describe('jobs that were fetched together', () => {
  test.each([
    ['done', done, 'completed'],
    ['put off', later, 'retry'],
  ])(
    'of two jobs that were fetched together, the one that is %s is stored as such while the other runs [F3, F5]',
    async (_, first, state) => {
      const { promise: open, resolve } = Promise.withResolvers<void>()
      const [quick, slow] = [await addHook('quick'), await addHook('slow')]
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
    },
  )

  test('of eight jobs that were fetched together, each is stored as completed while the last one still runs [F3]', async () => {
    const { promise: open, resolve } = Promise.withResolvers<void>()
    const quick: string[] = []
    for (let i = 0; i < 7; i += 1) quick.push(await addHook())
    const slow = await addHook()
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
})

describe('jobs that take too long', () => {
  test('a job that takes too long is tried again, its worker goes on, and its email counts as maybe sent [M9, L1]', async () => {
    const [email, hook] = [await addEmail(), await addHook()]
    await Promise.all([email, hook].map((id) => set(id, 'expire_seconds = 31')))
    const hang = ({ id }: { id: string }) =>
      id === email || id === hook ? new Promise<AttemptResult>(() => undefined) : done()
    await work({ 'link-email': hang, 'changed-hook': hang })
    await until(email, 'retry')
    await until(hook, 'retry')
    await until(await addHook(), 'completed')
    expect((await read(email)).output).toEqual({ reason: 'deadline', maybeDelivered: 1 })
    expect((await read(hook)).output).toEqual({ reason: 'deadline', maybeDelivered: 0 })
    const facts = { requestId: 'r', attempt: 1, level: 50, reason: 'deadline' }
    expect(entries('job_late')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...facts, queue: 'link-email', jobId: email }),
        expect.objectContaining({ ...facts, queue: 'changed-hook', jobId: hook }),
      ]),
    )
  })

  test('an email job may take longer than a mail server may, and other jobs may take a minute [M9]', async () => {
    const { rows } = await opened.pool.query<{ name: string; seconds: number }>(
      'SELECT name, expire_seconds AS seconds FROM rekey_queue.queue',
    )
    const milliseconds = Object.fromEntries(rows.map(({ name, seconds }) => [name, seconds * 1000 - 30_000]))
    for (const name of ['link-email', 'changed-email'])
      expect(milliseconds[name]).toBeGreaterThan(attemptDeadlineMs)
    for (const name of ['link-request', 'changed-hook']) expect(milliseconds[name]).toBe(60_000)
  })
})

describe('jobs that fail again and again', () => {
  const throws = async () => Promise.reject(new Error('broken'))

  test.each([
    ['at its retry limit', 'retry_limit = 3, retry_count = 3'],
    ['a day before the queue would forget it', `keep_until = now() + interval '23 hours'`],
  ])(
    'a job is given up %s, with an error in the log and an audit entry of its account [F1, L1]',
    async (_, state) => {
      const id = await addHook()
      await set(id, state)
      await work({ 'changed-hook': throws })
      await until(id, 'failed')
      expect(givenUp).toEqual([{ accountId, requestId: 'r', reason: 'changed-hook error' }])
      const given = { level: 50, queue: 'changed-hook', jobId: id, requestId: 'r', reason: 'error' }
      expect(entries('job_given_up')).toMatchObject([given])
    },
  )

  test.each([
    [{ login: 'jane' }, undefined],
    [{ accountId }, accountId],
  ])('a request for %j that is given up is audited with the account id %s [F1]', async (target, account) => {
    const id = randomUUID()
    const data = { target, client: '203.0.113.9', bypassPause: false, locale: 'en', requestId: 'r' }
    await opened.queue.add('link-request', data, { id })
    await set(id, 'retry_limit = 0')
    await work({ 'link-request': throws })
    await until(id, 'failed')
    expect(givenUp).toEqual([{ accountId: account, requestId: 'r', reason: 'link-request error' }])
  })

  test('a job that fails before its retry limit is tried again, without an audit entry [F5]', async () => {
    const id = await addHook()
    await set(id, `retry_limit = 4, retry_count = 3, keep_until = now() + interval '25 hours'`)
    await work({ 'changed-hook': throws })
    await until(id, 'retry')
    expect([givenUp, entries('job_given_up')]).toEqual([[], []])
  })

  test('jobs about a changed password are tried for more than a week, and the queue keeps them longer [F1]', async () => {
    const { rows } = await opened.pool.query(
      `SELECT name, retention_seconds / 86400 AS days, retry_limit * 300 / 86400 AS tries FROM rekey_queue.queue
        WHERE name IN ('changed-email', 'changed-hook') ORDER BY name`,
    )
    expect(rows).toMatchObject([{ days: 8 }, { days: 8 }])
    for (const { tries } of rows) expect(tries).toBeGreaterThan(7)
  })
})

describe('emails that may have been sent', () => {
  const maybeDelivered = async (): Promise<AttemptResult> => ({
    outcome: 'later',
    reason: 'mail-unanswered',
    maybeDelivered: true,
  })

  test.each([
    ['that may have sent it', maybeDelivered, maxAttemptsInDoubt - 1, maxAttemptsInDoubt],
    ['that cannot have sent it', later, 2, 2],
  ])(
    'an attempt %s keeps the count of attempts that may have sent an email, or adds to it [F3]',
    async (_, ends, before, after) => {
      const id = await addEmail()
      await set(id, `retry_count = 7, output = '{"reason": "mail-unanswered", "maybeDelivered": ${before}}'`)
      await work({ 'link-email': ends })
      await until(id, after === maxAttemptsInDoubt ? 'failed' : 'retry')
      expect((await read(id)).output).toMatchObject({ maybeDelivered: after })
    },
  )

  test('an email that may have been sent is sent a few times at most, then its job is given up and audited [F3, L1]', async () => {
    const id = await addEmail()
    let sent = 0
    await work({
      'link-email': async (email) => {
        if (email.id !== id) return { outcome: 'done' }
        sent += 1
        return maybeDelivered()
      },
    })
    // Retry without the delay; another job notifies the worker.
    const hurry = async () => {
      await set(id, `start_after = now() - interval '1 second'`)
      await addEmail()
      return (await read(id)).state
    }
    await expect.poll(hurry, { timeout: 50_000, interval: 300 }).toBe('failed')
    expect(sent).toBe(maxAttemptsInDoubt)
    expect(givenUp).toEqual([{ accountId, requestId: 'r', reason: 'link-email mail-unanswered' }])
    expect(entries('job_given_up')).toMatchObject([
      { level: 50, queue: 'link-email', jobId: id, attempt: maxAttemptsInDoubt },
    ])
  })
})

describe('attempts that are costly for the database', () => {
  const costly = async (): Promise<AttemptResult> => ({
    outcome: 'later',
    reason: 'look-up-timed-out',
    isCostly: true,
  })

  test.each([
    ['the last costly attempt ends the job', costly, maxCostlyAttempts - 1, maxCostlyAttempts],
    ['the attempt before is counted', costly, maxCostlyAttempts - 2, maxCostlyAttempts - 1],
    ['an attempt that was not costly is not counted', later, maxCostlyAttempts - 1, maxCostlyAttempts - 1],
  ])(
    'a job has a few costly attempts at most, and its end is audited: %s [W10]',
    async (_, ends, before, after) => {
      const id = await addEmail()
      // Attempts while the database was away do not count.
      await set(
        id,
        `retry_count = 40, output = '{"reason": "error", "maybeDelivered": 0, "costly": ${before}}'`,
      )
      await work({ 'link-email': ends })
      const isLast = after === maxCostlyAttempts
      await until(id, isLast ? 'failed' : 'retry')
      expect((await read(id)).output).toMatchObject({ costly: after })
      expect(givenUp.map(({ reason }) => reason)).toEqual(isLast ? ['link-email look-up-timed-out'] : [])
    },
  )
})
