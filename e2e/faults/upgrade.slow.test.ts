import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCrowd, requestStatus, type Member } from '@/e2e/support/crowd'
import { postJson } from '@/e2e/support/exchange'
import { countRow, printFaultRow } from '@/e2e/support/fault-table'
import { startKillable, type KillableProcess } from '@/e2e/support/killable-processes'
import { openInstallation, requestLink, type Installation } from '@/e2e/support/installation'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { settled, settledSoon } from '@/e2e/support/settled-jobs'
import { appSettings, freePort, newPassword, readLink } from '@/e2e/support/running-app'
import {
  createMigratedDatabase,
  createTestDatabase,
  testServer,
  type TestDatabase,
} from '@/e2e/support/test-database'
import { createLinkSigner } from '@/lib/password-reset/reset-link'
import { migrate } from '@/lib/setup/migrate'
import recorded from './written-by-an-older-build.json'

// The whole upgrade needs `REKEY_OLD_BUILD`: the folder of an older commit, installed and built. The other tests use what such a
// run recorded.

const oldBuild = process.env.REKEY_OLD_BUILD
const many = 20

describe('records of an older build', () => {
  let database: TestDatabase
  let sql: pg.Pool
  let installation: Installation
  beforeAll(async () => {
    database = await createMigratedDatabase()
    sql = new pg.Pool({ connectionString: database.url, max: 1 })
    installation = await openInstallation(database, {
      LIMIT_EMAILS_PER_ACCOUNT: '100/1m',
      EMAIL_COOLDOWN: '0s',
    })
  })
  afterAll(async () => {
    await installation?.close()
    await sql?.end()
    await database?.drop()
  })

  test.each(['reset', 'cancel'] as const)(
    'a %s link of an older build is genuine and valid [F16]',
    (purpose) => {
      const { secret, audience, account, links } = recorded
      const { verifyAuthenticity, verifyState } = createLinkSigner({
        secrets: [secret],
        audience,
        period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
        oneTimeUse: true,
      })
      const { user_id, timestamp, signature } = readLink(links[purpose])
      const genuine = verifyAuthenticity(purpose, { user_id, timestamp: Number(timestamp), signature })
      expect(genuine).not.toBeNull()
      expect(verifyState(genuine!, account, new Date(Number(timestamp) * 1000 + 60_000))).toBe('valid')
    },
  )

  test('jobs of an older build are processed, and each sends its email once [F16, F1]', async () => {
    const rows = recorded.jobs.map(asOfNow)
    const changed = rows.find(({ name }) => name === 'changed-email')!.data as {
      accountId: string
      email: string
    }
    const deferred = rows.find(({ name }) => name === 'link-email')!.data as { accountId: string }
    const requested = rows.find(({ name }) => name === 'link-request')!.data as { target: { login: string } }
    const people = [
      { id: changed.accountId, username: 'changed', email: changed.email },
      { id: deferred.accountId, username: 'deferred', email: 'deferred@example.com' },
      { id: randomUUID(), username: requested.target.login, email: 'requested@example.com' },
    ]
    for (const { id, username, email } of people)
      await sql.query(
        `INSERT INTO rekey.users (id, username, email, first_name, last_name, password, is_active)
         VALUES ($1, $2, $3, '', '', 'a forgotten one', true)`,
        [id, username, email],
      )
    await sql.query(
      `INSERT INTO rekey_queue.job SELECT r.* FROM jsonb_populate_recordset(NULL::rekey_queue.job, $1) r`,
      [JSON.stringify(rows)],
    )
    for (const { email } of people) await installation.sink.next(email)
    await settled({ sql })
    expect(people.map(({ email }) => installation.sink.countTo(email))).toEqual([1, 1, 1])
    const states = await sql.query('SELECT DISTINCT state::text FROM rekey_queue.job')
    expect(states.rows).toEqual([{ state: 'completed' }])
  })

  function asOfNow(job: (typeof recorded.jobs)[number]) {
    const shift = Date.now() - Date.parse(job.created_on)
    const times = Object.entries(job).filter(([name]) => /_(on|until|after)$/.test(name))
    const shifted = times.map(([name, at]) => [name, new Date(Date.parse(String(at)) + shift)])
    const requestedAt = 'requestedAt' in job.data && { requestedAt: Math.floor(Date.now() / 1000) }
    return {
      ...job,
      ...Object.fromEntries(shifted),
      start_after: new Date(),
      data: { ...job.data, ...requestedAt },
    }
  }
})

test('restoring a backup from before a reset makes its link valid again, unless SECRET_KEY is new [F16]', async () => {
  const database = await createMigratedDatabase()
  const sql = new pg.Pool({ connectionString: database.url, max: 1 })
  const installation = await openInstallation(database)
  try {
    const [{ login, email }] = (await addCrowd(sql, 1)) as [Member]
    await requestLink(installation, login)
    const { user_id, timestamp, signature } = readLink((await installation.sink.next(email)).link)
    const link = { user_id, timestamp: Number(timestamp), signature }
    const stateIn = async ({ services }: Pick<Installation, 'services'>) =>
      (await services.passwordReset.inspectLink(link)).state

    // Copies of the tables stand for a dump that is restored later.
    await sql.query(
      'CREATE TABLE users_then AS TABLE rekey.users; CREATE TABLE recovery_then AS TABLE rekey.recovery',
    )
    const from = { locale: 'en', requestId: 'r', client: '198.51.100.7' }
    const request = { client: from.client, headers: new Headers(), fields: {} }
    expect(
      await installation.services.passwordReset.completeReset({
        link,
        password: newPassword(),
        passwordConfirm: undefined,
        ...from,
        request,
      }),
    ).toEqual({ ok: true })
    expect(await stateIn(installation)).toBe('signature-used')
    await sql.query(`DELETE FROM rekey.users; INSERT INTO rekey.users TABLE users_then;
                     DELETE FROM rekey.recovery; INSERT INTO rekey.recovery TABLE recovery_then`)
    expect(await stateIn(installation)).toBe('valid')

    const withNewKey = await openInstallation(database)
    try {
      expect(await stateIn(withNewKey)).toBe('signature-invalid')
    } finally {
      await withNewKey.close()
    }
  } finally {
    await installation.close()
    await sql.end()
    await database.drop()
  }
})

describe.runIf(testServer && oldBuild)('an upgrade while an older build serves', () => {
  let database: TestDatabase
  let sql: pg.Pool
  let sink: MailSink
  const started: KillableProcess[] = []
  beforeAll(async () => {
    database = await createTestDatabase()
    sql = new pg.Pool({ connectionString: database.url, max: 2 })
    sql.on('error', () => undefined)
    sink = await startMailSink()
  })
  afterAll(async () => {
    await Promise.all(started.map((process) => process.kill()))
    await sql?.end()
    await sink?.close()
    await database?.drop()
  })

  const settingsOn = (port: number) => {
    const secret = 'Rw3Kd8Xn5Vb1Tm7Zq4Hj9Ls2Pc6Yf0Ga'
    return appSettings({ secret, database, sink, url: 'http://127.0.0.1:4997', port })
  }
  async function start(kind: 'web' | 'worker', build: string): Promise<KillableProcess> {
    const process = await startKillable(kind, settingsOn(await freePort()), build)
    started.push(process)
    return process
  }

  async function requestAll(members: Member[], webs: KillableProcess[]): Promise<void> {
    const statuses = members.map((member, nth) => requestStatus(webs[nth % webs.length]!.port, member))
    expect(await Promise.all(statuses)).toEqual(members.map(() => 200))
  }

  async function reset({ port }: KillableProcess, { email }: Member): Promise<void> {
    const { link } = sink.emails.findLast(({ recipients }) => recipients.includes(email))!
    const answer = await postJson(port, 'reset-password', { ...readLink(link), password: newPassword() })
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  }

  const waiting = async () => {
    const { rows } = await sql.query<{ name: string; count: number }>(
      `SELECT name, count(*)::int AS "count" FROM rekey_queue.job WHERE state < 'active' GROUP BY name`,
    )
    return Object.fromEntries(rows.map(({ name, count }) => [name, count]))
  }

  test('during an upgrade, both builds process each other’s links and jobs, and no email is lost [F16, F10, F1]', async () => {
    const env = settingsOn(0) as unknown as NodeJS.ProcessEnv
    execFileSync(process.execPath, ['scripts/run.js', 'migrate'], { cwd: oldBuild!, env })
    const [linked, requested, deferred, changed, beside] = await Promise.all(
      Array.from({ length: 5 }, () => addCrowd(sql, many)),
    )
    const oldWeb = await start('web', oldBuild!)
    let oldWorker = await start('worker', oldBuild!)

    await requestAll([...linked!, ...changed!], [oldWeb])
    await settledSoon({ sql })
    sink.refuse = { code: 451, text: 'come back later' }
    await requestAll(deferred!, [oldWeb])
    await expect.poll(waiting).toEqual({ 'link-email': many })
    await oldWorker.kill()
    for (const member of changed!) await reset(oldWeb, member)
    await requestAll(requested!, [oldWeb])
    expect(await waiting()).toEqual({ 'link-email': many, 'changed-email': many, 'link-request': many })
    sink.refuse = undefined

    await migrate(database)
    oldWorker = await start('worker', oldBuild!)
    const newWeb = await start('web', '.')
    await start('worker', '.')
    await requestAll(beside!, [oldWeb, newWeb])
    await settledSoon({ sql })
    for (const member of linked!) await reset(newWeb, member)
    for (const [nth, member] of beside!.entries()) await reset(nth % 2 === 0 ? oldWeb : newWeb, member)
    await settledSoon({ sql })
    await Promise.all([oldWeb.kill(), oldWorker.kill()])
    for (const member of [...requested!, ...deferred!]) await reset(newWeb, member)
    await settledSoon({ sql })

    const everybody = [linked!, requested!, deferred!, changed!, beside!].flat()
    const { duplicates, ...row } = countRow('rolling upgrade from an older build', 1, everybody, sink)
    printFaultRow({ ...row, duplicates: duplicates - everybody.length })
    expect(everybody.map(({ email }) => sink.countTo(email))).toEqual(everybody.map(() => 2))
  }, 600_000)
})
