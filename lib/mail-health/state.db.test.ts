import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase, type Database } from '@/lib/database/pool'
import { watchMailHealth } from './reports'
import { createMailStateStore, type MailFacts, type MailStateStore } from './state'
import { stopHints } from './stop-causes'
import { assessMailHealth, mailTimes } from './verdict'
import { createQueue } from '@/lib/queue/queue'

let testDatabase: TestDatabase
let database: Database
let state: MailStateStore
const silent = pino({ level: 'silent' })
beforeAll(async () => {
  testDatabase = await createMigratedDatabase()
  database = openDatabase({ ...testDatabase, poolSize: 3 }, silent)
  state = createMailStateStore(database)
}, 120_000)
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})
beforeEach(async () => {
  await database.pool.query('DELETE FROM rekey_queue.job')
  await database.pool.query(
    `UPDATE rekey.mail_state SET worker_seen_at = NULL, accepted_at = NULL, failed_at = NULL, failing_since = NULL,
       cause = NULL, reason = NULL, reported_at = NULL`,
  )
})

const minute = 60_000
const refused = { cause: 'authentication', reason: 'EAUTH 535' } as const
const failure = (failed: number, started = failed) => ({ failure: { ...refused, failed, started } })
const set = (what: string) => database.pool.query(`UPDATE rekey.mail_state SET ${what}`)

/** Matches a recent age, with a tolerance for slow machines. */
const about = (milliseconds: number) => ({
  asymmetricMatch: (age: unknown) => Math.abs(Number(age) - milliseconds) < 5_000,
})

describe('the state that workers keep', () => {
  test('it says when a worker was last seen, and that nothing is known of emails before the first [V6]', async () => {
    expect(await state.read()).toMatchObject({
      workerSeen: null,
      accepted: null,
      failing: null,
      waiting: 0,
      due: null,
    })
    await state.write({})
    expect(await state.read()).toMatchObject({ workerSeen: about(0), accepted: null, failing: null })
  })

  test('emails fail since the first attempt that failed after the last acceptance [V6]', async () => {
    await state.write({ accepted: 10 * minute })
    await state.write(failure(4 * minute, 5 * minute))
    await state.write(failure(minute, 2 * minute))
    expect(await state.read()).toMatchObject({
      failing: about(5 * minute),
      failed: about(minute),
      accepted: about(10 * minute),
      ...refused,
    })
  })

  test('an email that any worker gets out ends the failure, also one whose failure is written late [V6]', async () => {
    await state.write(failure(2 * minute, 3 * minute))
    await state.write({ accepted: minute })
    expect(await state.read()).toMatchObject({ failing: null })
    await state.write(failure(90_000, 3 * minute))
    expect(await state.read()).toMatchObject({ failing: null, accepted: about(minute) })
  })

  test('a worker that fails while another one sends is not the installation: the failure counts from the last email that left [V6]', async () => {
    await state.write(failure(9 * minute))
    await state.write({ accepted: minute })
    await state.write(failure(0, 2 * minute))
    expect(await state.read()).toMatchObject({ failing: about(minute) })
  })

  test('a failure after an acceptance counts where both are written together [V6]', async () => {
    await state.write({ accepted: 2 * minute, ...failure(minute, 5 * minute) })
    expect(await state.read()).toMatchObject({ failing: about(2 * minute), accepted: about(2 * minute) })
  })

  test('a sign of life alone neither begins nor ends a failure [V6]', async () => {
    await state.write(failure(minute))
    await state.write({})
    expect(await state.read()).toMatchObject({ failing: about(minute), ...refused })
    await state.clear(['authentication'], 0)
    await state.write({})
    expect(await state.read()).toMatchObject({ failing: null })
  })

  test('a connection that works ends only failures to connect that were noticed before it began [V6]', async () => {
    await state.write(failure(0))
    await state.clear(['network'], 0)
    await state.clear(['authentication'], minute)
    expect((await state.read()).failing).not.toBeNull()
    await state.clear(['network', 'authentication'], 0)
    expect((await state.read()).failing).toBeNull()
  })

  test('of sixty writes at the same time none is lost to another one [V6]', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, i) => state.write(i === 30 ? { accepted: 0 } : failure(minute))),
    )
    expect(await state.read()).toMatchObject({ failing: null, accepted: about(0) })
  })

  test.each(['Europe/Berlin', 'America/Los_Angeles', 'Asia/Kolkata'])(
    'times are the same in the time zone %s and with any date style [V1, V6]',
    async (zone) => {
      const url = new URL(testDatabase.url)
      if (testDatabase.kind === 'server')
        url.searchParams.set('options', `-c timezone=${zone} -c datestyle=SQL,DMY`)
      else await database.pool.query(`SELECT set_config('timezone', $1, false)`, [zone])
      const elsewhere = openDatabase({ ...testDatabase, url: url.href, poolSize: 1 }, silent)
      try {
        const there = createMailStateStore(elsewhere)
        await there.write({ accepted: 10 * minute, ...failure(2 * minute) })
        for (const read of [there, state])
          expect(await read.read()).toMatchObject({ failing: about(2 * minute), now: about(Date.now()) })
      } finally {
        await elsewhere.close()
        if (testDatabase.kind === 'embedded') await database.pool.query(`SET timezone TO 'UTC'`)
      }
    },
  )

  test('a job waits from when it can be taken, and one in a pause before its next attempt is not due [V6]', async () => {
    const queue = createQueue(database)
    const request = { target: { login: 'x' }, client: 'c', bypassPause: false, locale: 'en', requestId: 'r' }
    await queue.add('link-request', request)
    await queue.add('changed-hook', { accountId: 'a', username: 'u', requestId: 'r' })
    await database.pool.query(
      `UPDATE rekey_queue.job SET created_on = now() - interval '2 minutes', start_after = now() - interval '1 minute'`,
    )
    expect(await state.read()).toMatchObject({
      waiting: 1,
      due: about(minute),
      untaken: about(2 * minute),
      ended: null,
    })
    await database.pool.query(
      `UPDATE rekey_queue.job SET state = 'retry', start_after = now() + interval '1 minute'`,
    )
    expect(await state.read()).toMatchObject({ waiting: 1, due: null, untaken: null })
    await database.pool.query(
      `UPDATE rekey_queue.job SET state = 'completed', completed_on = now() - interval '1 minute'`,
    )
    expect(await state.read()).toMatchObject({ waiting: 0, due: null, ended: about(minute) })
  })
})

describe('what the state means', () => {
  const quiet: MailFacts = {
    now: Date.parse('2026-11-29T12:00:00Z'),
    workerSeen: 1_000,
    accepted: null,
    failed: null,
    failing: null,
    cause: null,
    reason: null,
    reported: null,
    waiting: 0,
    due: null,
    untaken: null,
    ended: null,
  }
  const judge = (facts: Partial<MailFacts>) => {
    const verdict = assessMailHealth({ ...quiet, ...facts })
    return verdict.status === 'ok' ? 'ok' : verdict.cause
  }
  const long = 5 * minute

  test.each<[string, Partial<MailFacts>, string]>([
    ['a worker runs and nothing waits', {}, 'ok'],
    ['nothing waits and no worker runs', { workerSeen: null }, 'ok'],
    ['a request just came and no worker ever ran', { workerSeen: null, due: 1_000 }, 'ok'],
    ['a request waits and no worker ever ran', { workerSeen: null, due: long }, 'no-worker'],
    ['a request waits and the last worker is gone', { workerSeen: long, due: long }, 'no-worker'],
    ['every attempt fails', { failing: long, failed: 1_000, ...refused }, 'authentication'],
    ['an attempt failed just now', { failing: 10_000, failed: 1_000, ...refused }, 'ok'],
    ['attempts failed this morning and none since', { failing: 9e6, failed: 8e6, ...refused }, 'ok'],
    ['a newer version wrote a cause', { failing: long, failed: 1_000, cause: 'gremlins' }, 'server'],
    [
      'requests wait, a worker runs and ends no job',
      { untaken: long, due: long, ended: long },
      'queue-stuck',
    ],
    ['requests wait because there are many', { untaken: long, due: long, ended: 1_000 }, 'ok'],
    ['jobs wait for their next attempt', { waiting: 9, due: null }, 'ok'],
  ])('%s [V6]', (_, facts, expected) => expect(judge(facts)).toBe(expected))

  test('what is wrong is told with its time, its reason and what to look at [V6]', () => {
    expect(assessMailHealth({ ...quiet, failing: 120_000, failed: 1_000, ...refused })).toEqual({
      status: 'failing',
      ...refused,
      since: new Date('2026-11-29T11:58:00Z'),
      hint: stopHints.authentication,
    })
  })

  test('the default times keep two minutes in the worst case [V6]', () => {
    const { heartbeat, check, failing, workerLost, waiting, stuck, silence, probe } = mailTimes
    const poll = 15_000 // the longest time until a worker fetches a job (lib/queue/worker.ts)
    const attempt = 60_000 // the longest time until an attempt fails (lib/mail/smtp-options.ts)
    const immediate = poll + failing + check
    const late = poll + attempt + probe
    const mute = poll + silence + heartbeat
    const noWorker = Math.max(workerLost, waiting) + check
    for (const worst of [immediate, late, mute, noWorker, stuck + check])
      expect(worst).toBeLessThanOrEqual(115_000)
    // Two heartbeats may be lost before a worker counts as stopped.
    expect(heartbeat * 3).toBeLessThanOrEqual(workerLost)
  })
})

describe('what is logged', () => {
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  beforeEach(() => void (logged.length = 0))
  const process = () => watchMailHealth({ state, log })
  const events = () => logged.map(({ event }) => event)

  test('of many processes that notice a failure one logs it, again after ten minutes, and one says that it is over [V6]', async () => {
    const processes = Array.from({ length: 8 }, process)
    const all = () => Promise.all(processes.map(({ check }) => check()))
    await all()
    expect(events()).toEqual([])

    await state.write(failure(0, 5 * minute))
    for (let round = 0; round < 3; round += 1) await all()
    expect(logged).toMatchObject([
      { level: 50, event: 'emails_not_leaving', ...refused, hint: stopHints.authentication },
    ])
    expect(Date.parse(String(logged[0]!.since))).toEqual(about(Date.now() - 5 * minute))

    await set(`reported_at = now() - interval '601 seconds'`)
    await all()
    expect(events()).toEqual(['emails_not_leaving', 'emails_not_leaving'])

    await state.write({ accepted: 0 })
    for (let round = 0; round < 2; round += 1) await all()
    expect(logged.slice(2)).toMatchObject([{ level: 30, event: 'emails_leaving_again' }])
    await Promise.all(processes.map(({ stop }) => stop()))
  })

  test('a new failure after the last one was over is logged at once [V6]', async () => {
    const { check, stop } = process()
    for (let time = 0; time < 2; time += 1) {
      await state.write(failure(0, 2 * minute))
      await set(`failing_since = now() - interval '2 minutes'`)
      await check()
      await state.write({ accepted: 0 })
      await check()
    }
    expect(events()).toEqual([
      'emails_not_leaving',
      'emails_leaving_again',
      'emails_not_leaving',
      'emails_leaving_again',
    ])
    await stop()
  })

  test('a database that is away is no news of emails, and the next look works [V6]', async () => {
    const away = openDatabase(
      { ...testDatabase, url: 'postgresql://rekey@127.0.0.1:9/rekey', poolSize: 1 },
      silent,
    )
    const { check, stop } = watchMailHealth({ state: createMailStateStore(away), log })
    await check()
    expect(events()).toEqual([])
    await stop()
    await away.close()
  })
})
