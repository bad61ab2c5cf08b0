import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import pg from 'pg'
import { addCrowd, type Member } from '@/e2e/support/crowd'
import { exchange, postJson } from '@/e2e/support/exchange'
import { printFaultRow } from '@/e2e/support/fault-table'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { appSettings, freePort } from '@/e2e/support/running-app'
import { createTestDatabase } from '@/e2e/support/test-database'
import { migrate } from '@/lib/setup/migrate'
import { embeddedDatabaseUrl } from '@/scripts/embedded-database/embedded-database'

const request = (port: number, { login }: Pick<Member, 'login'>) =>
  postJson(port, 'send-reset-password-link', { login })

const statusOf = (port: number, url: string) =>
  exchange(port, { method: 'GET', path: url }).then(
    ({ status }) => status,
    () => 0,
  )

let sink: MailSink
beforeAll(async () => void (sink = await startMailSink()))
afterAll(() => sink.close())

test('requests and emails work as usual while the disk of the log is full [F12]', async () => {
  const database = await createTestDatabase()
  await migrate(database)
  const port = await freePort()
  const full = openSync('/dev/full', 'w')
  const settings = appSettings({
    secret: 'Yb4Kt9Wn2Zr7Lx5Qs1Hd8Pv3Jc6Fg0Me',
    database,
    sink,
    url: `http://127.0.0.1:${port}`,
    port,
  })
  const env = { ...settings, LOG_LEVEL: 'trace' } as unknown as NodeJS.ProcessEnv
  const child = spawn(process.execPath, ['scripts/run.js', 'start'], { env, stdio: ['ignore', full, full] })
  const sql = new pg.Pool({ connectionString: database.url, max: 1 })
  try {
    await expect.poll(() => statusOf(port, '/api/health/ready'), { timeout: 60_000 }).toBe(200)
    const crowd = await addCrowd(sql, 20)
    const answers = await Promise.all(crowd.map((member) => request(port, member)))
    expect(answers.map(({ status }) => status)).toEqual(crowd.map(() => 200))
    for (const { email } of crowd) await sink.next(email, 40_000)
    expect(crowd.map(({ email }) => sink.countTo(email))).toEqual(crowd.map(() => 1))
    const [accepted, delivered] = [crowd.length, crowd.length]
    printFaultRow({ fault: 'log on a full disk', caused: 1, accepted, delivered, duplicates: 0, lost: 0 })
    expect(child.exitCode).toBeNull()
  } finally {
    await sql.end()
    if (child.exitCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    }
    await database.drop()
  }
}, 240_000)

/** Megabytes; an embedded database needs about forty. */
const diskSize = 160

const disk = mkdtempSync(path.join(tmpdir(), 'rekey-disk-'))
const mount = () => spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}m`, 'none', disk]).status === 0
const unmount = () => spawnSync('umount', ['-l', disk]).status === 0
const mayMount = mount() && unmount()
const skipped = mayMount ? '' : ' (skipped: mounting a small disk is not permitted here)'

describe.runIf(mayMount)(`a full disk of the embedded database${skipped}`, () => {
  beforeAll(() => void mount())
  afterAll(() => {
    unmount()
    rmSync(disk, { recursive: true, force: true })
  })

  test('with a full disk, the demo responds 503, loses no accepted request and recovers once there is room [F12]', async () => {
    const port = await freePort()
    const data = path.join(disk, 'data')
    const settings = appSettings({
      secret: 'Yb4Kt9Wn2Zr7Lx5Qs1Hd8Pv3Jc6Fg0Me',
      database: { url: '', sharedSession: true },
      sink,
      url: `http://127.0.0.1:${port}`,
      port,
    })
    const env = { ...settings, DATA_DIR: data } as unknown as NodeJS.ProcessEnv
    let output = ''
    const child = spawn(process.execPath, ['scripts/run.js', 'demo'], { env })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    try {
      await expect
        .poll(() => statusOf(port, '/api/health/ready'), { timeout: 90_000, message: output })
        .toBe(200)
      const sql = new pg.Pool({ connectionString: embeddedDatabaseUrl(data), max: 1 })
      const crowd = await addCrowd(sql, 200)
      await sql.end()
      const accepted: Member[] = []
      const statuses = new Set<number>()
      const filling = path.join(disk, 'filling')
      const { bavail, bsize } = statfsSync(disk)
      writeFileSync(filling, Buffer.alloc(bavail * bsize - 64 * 1024))
      for (const member of crowd) {
        const { status } = await request(port, member)
        statuses.add(status)
        if (status === 200) accepted.push(member)
        if (status !== 200 && statuses.size > 1) break
      }
      expect([...statuses].filter((status) => status !== 200)).toEqual([503])
      expect(child.exitCode, output).toBeNull()

      rmSync(filling)
      await expect
        .poll(async () => (await request(port, { login: 'nobody' })).status, { timeout: 60_000 })
        .toBe(200)
      const late = crowd.at(-1)!
      expect((await request(port, late)).status).toBe(200)
      for (const { email } of [...accepted, late]) await sink.next(email, 60_000)
      accepted.push(late)
      expect(accepted.map(({ email }) => sink.countTo(email))).toEqual(accepted.map(() => 1))
      printFaultRow({
        fault: 'disk of the embedded database full',
        caused: 1,
        accepted: accepted.length,
        delivered: accepted.length,
        duplicates: 0,
        lost: 0,
      })
    } finally {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
  }, 300_000)
})
