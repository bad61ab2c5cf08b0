import { randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addCrowd, requestStatus, type Member } from '@/e2e/support/crowd'
import { countRow, printFaultRow } from '@/e2e/support/fault-table'
import { killableDemo, type KillableDemo } from '@/e2e/support/killable-demo'
import { isLong } from '@/e2e/support/long-form'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { settled, settledSoon } from '@/e2e/support/settled-jobs'
import { appSettings, freePort } from '@/e2e/support/running-app'
import { embeddedDatabaseUrl } from '@/scripts/embedded-database/embedded-database'

// `npm run demo` is one process with web server, worker and database. SIGKILL ends all of them.

const kills = isLong ? 50 : 2
const killsOfSetUp = isLong ? 20 : 1
const burst = 10

/** The most files that the set-up of a database has written when its process is killed. */
const filesAtKill = 900

let sink: MailSink
let dataDir: string
let port: number
let demo: KillableDemo
beforeAll(async () => {
  sink = await startMailSink()
  dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-killed-'))
  port = await freePort()
  const settings = appSettings({
    secret: 'Nq7Xd2Vb9Km4Ws6Tj1Zp8Rc3Hy5Lf0Ga',
    database: { url: '', sharedSession: true },
    sink,
    url: `http://127.0.0.1:${port}`,
    port,
  })
  demo = killableDemo({ ...settings, DATA_DIR: dataDir })
})
afterAll(async () => {
  await demo?.kill()
  await sink?.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function withSql<Result>(work: (sql: pg.Pool) => Promise<Result>): Promise<Result> {
  const sql = new pg.Pool({ connectionString: embeddedDatabaseUrl(dataDir), max: 1 })
  sql.on('error', () => undefined)
  return work(sql).finally(() => sql.end())
}

test('a demo that is killed while its database starts or writes starts again and loses no accepted request [F13, F1, F3]', async () => {
  for (let kill = 0; kill < killsOfSetUp; kill += 1) {
    await demo.kill()
    rmSync(dataDir, { recursive: true, force: true })
    demo.start()
    await expect
      .poll(files, { interval: 1, timeout: 120_000 })
      .toBeGreaterThanOrEqual(randomInt(1, filesAtKill))
    await demo.kill()
    demo.start()
    await demo.ready()
  }

  const crowd = await withSql((sql) => addCrowd(sql, kills * burst))
  const accepted: Member[] = []
  const statuses = new Set<number>()
  for (let kill = 0; kill < kills; kill += 1) {
    let answers = 0
    const requests = crowd.slice(kill * burst, (kill + 1) * burst).map(async (member) => {
      const status = await requestStatus(port, member)
      statuses.add(status)
      if (status === 200) accepted.push(member)
      answers += 1
    })
    await expect.poll(() => answers, { interval: 1 }).toBeGreaterThan(randomInt(burst))
    if (kill % 2 === 1) await pause(randomInt(600))
    await demo.kill()
    await Promise.all(requests)
    demo.start()
    await demo.ready()
  }
  await withSql((sql) => (isLong ? settled({ sql }, 120_000) : settledSoon({ sql })))

  const fault = 'process that owns the embedded database killed while it writes'
  const row = countRow(fault, killsOfSetUp + kills, accepted, sink)
  printFaultRow(row)
  expect(row.lost).toBe(0)
  for (const { email } of accepted) expect(sink.countTo(email)).toBeLessThanOrEqual(1 + kills)
  expect([...statuses].filter((status) => ![0, 200, 503].includes(status))).toEqual([])
  expect(accepted.length).toBeGreaterThan(0)
}, 3_600_000)

function files(): number {
  try {
    return readdirSync(path.join(dataDir, 'database'), { recursive: true }).length
  } catch {
    return 0
  }
}
