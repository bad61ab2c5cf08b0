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

const about = (milliseconds: number) => ({
  asymmetricMatch: (age: unknown) => Math.abs(Number(age) - milliseconds) < 5_000,
})

describe('the stored state of emails', () => {
  test('the state has the time when a worker was last seen, and nothing about emails before the first one [V6]', async () => {
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

  test('emails are failing since the first failed attempt after the last accepted email [V6]', async () => {
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

  test('an accepted email ends the failure, even if an older failure is written after it [V6]', async () => {
    await state.write(failure(2 * minute, 3 * minute))
    await state.write({ accepted: minute })
    expect(await state.read()).toMatchObject({ failing: null })
    await state.write(failure(90_000, 3 * minute))
    expect(await state.read()).toMatchObject({ failing: null, accepted: about(minute) })
  })

  test('if another worker sent an email meanwhile, a worker’s failure counts from that email on [V6]', async () => {
    await state.write(failure(9 * minute))
    await state.write({ accepted: minute })
    await state.write(failure(0, 2 * minute))
    expect(await state.read()).toMatchObject({ failing: about(minute) })
  })

  test('a failure after an accepted email counts, even if both are written together [V6]', async () => {
    await state.write({ accepted: 2 * minute, ...failure(minute, 5 * minute) })
    expect(await state.read()).toMatchObject({ failing: about(2 * minute), accepted: about(2 * minute) })
  })

  test('a heartbeat of a worker neither begins nor ends a failure [V6]', async () => {
    await state.write(failure(minute))
    await state.write({})
    expect(await state.read()).toMatchObject({ failing: about(minute), ...refused })
    await state.clear(['authentication'], 0)
    await state.write({})
    expect(await state.read()).toMatchObject({ failing: null })
  })

  test('a working connection ends only failures of the given causes that are older than it [V6]', async () => {
    await state.write(failure(0))
    await state.clear(['network'], 0)
    await state.clear(['authentication'], minute)
    expect((await state.read()).failing).not.toBeNull()
    await state.clear(['network', 'authentication'], 0)
    expect((await state.read()).failing).toBeNull()
  })

  test('none of sixty writes at the same time is lost [V6]', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, i) => state.write(i === 30 ? { accepted: 0 } : failure(minute))),
    )
    expect(await state.read()).toMatchObject({ failing: null, accepted: about(0) })
  })

  test.each(['Europe/Berlin', 'America/Los_Angeles', 'Asia/Kolkata'])(
    'the stored times are the same in the time zone %s and with another date style [V1, V6]',
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

  test('a job waits from the time when it may run, and is not due before its next attempt [V6]', async () => {
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

describe('the assessment of the state', () => {
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
  const causeFor = (facts: Partial<MailFacts>) => {
    const verdict = assessMailHealth({ ...quiet, ...facts })
    return verdict.status === 'ok' ? 'ok' : verdict.cause
  }
  const long = 5 * minute

  test.each<[string, string, Partial<MailFacts>]>([
    ['a worker runs and nothing waits', 'ok', {}],
    ['nothing waits and no worker runs', 'ok', { workerSeen: null }],
    ['a request just came and no worker ever ran', 'ok', { workerSeen: null, due: 1_000 }],
    ['a request waits and no worker ever ran', 'no-worker', { workerSeen: null, due: long }],
    ['a request waits and the last worker is gone', 'no-worker', { workerSeen: long, due: long }],
    ['every attempt fails', 'authentication', { failing: long, failed: 1_000, ...refused }],
    ['an attempt failed just now', 'ok', { failing: 10_000, failed: 1_000, ...refused }],
    ['attempts failed hours ago and none since', 'ok', { failing: 9e6, failed: 8e6, ...refused }],
    ['a newer version wrote an unknown cause', 'server', { failing: long, failed: 1_000, cause: 'gremlins' }],
    [
      'requests wait, a worker runs and ends no job',
      'queue-stuck',
      { untaken: long, due: long, ended: long },
    ],
    ['requests wait because there are many', 'ok', { untaken: long, due: long, ended: 1_000 }],
    ['jobs wait for their next attempt', 'ok', { waiting: 9, due: null }],
  ])('if %s, the assessment is %s [V6]', (_, expected, facts) => expect(causeFor(facts)).toBe(expected))

  test('a failure is reported with its cause, its reason, its begin and a hint [V6]', () => {
    expect(assessMailHealth({ ...quiet, failing: 120_000, failed: 1_000, ...refused })).toEqual({
      status: 'failing',
      ...refused,
      since: new Date('2026-11-29T11:58:00Z'),
      hint: stopHints.authentication,
    })
  })

  test('with the default times, a failure is reported within two minutes in the worst case [V6]', () => {
    const { heartbeat, check, failing, workerLost, waiting, stuck, silence, probe } = mailTimes
    const poll = 15_000 // within which a worker fetches a job
    const attempt = 60_000 // transmissionDeadlineMs (lib/mail/smtp-options.ts)
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

describe('the log lines of a failure', () => {
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  beforeEach(() => void (logged.length = 0))
  const startProcess = () => watchMailHealth({ state, log })
  const events = () => logged.map(({ event }) => event)

  test('one of eight processes logs a failure, again after ten minutes, and one logs that it is over [V6]', async () => {
    const processes = Array.from({ length: 8 }, startProcess)
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

  test('a failure after an earlier one was over is logged at once [V6]', async () => {
    const { check, stop } = startProcess()
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

  test('a database that is away causes no log line about emails [V6]', async () => {
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
