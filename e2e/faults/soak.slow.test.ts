import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCrowd, requestStatus, type Member } from '@/e2e/support/crowd'
import { exchange, postJson } from '@/e2e/support/exchange'
import { countRow, printFaultRow } from '@/e2e/support/fault-table'
import { isLong } from '@/e2e/support/long-form'
import { settled } from '@/e2e/support/settled-jobs'
import { handlesOf, hasProcFiles, processesOf, proportionalMemoryOf } from '@/e2e/support/process-resources'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { signedLinks } from '@/e2e/support/signed-links'
import { testServer } from '@/e2e/support/test-database'
import { startTroubledMail, type TroubledMail } from '@/e2e/support/troubled-mail'
import { mailConnections } from '@/lib/mail/smtp-options'

const seconds = isLong ? 300 : 20
/** Seconds of load before memory counts, in which code is compiled and caches fill. */
const warmUpSeconds = isLong ? 60 : 5
/** Each requests a link, waits for its email, and requests the next. So no more emails than these wait. */
const clients = 16

/** Collects garbage at SIGUSR2 and prints the bytes in use. Otherwise, memory grows for many minutes, also of an empty Next app. */
const printHeap = `
  process.on('SIGUSR2', () => {
    for (let turn = 0; turn < 3; turn += 1) gc()
    const { heapUsed, external } = process.memoryUsage()
    process.stderr.write(JSON.stringify({ heapOf: process.pid, bytes: heapUsed + external }) + '\\n')
  })`

/** The largest ratio of the memory in use to that after the warm-up. */
const growth = isLong ? 1.1 : 1.3

describe.runIf(testServer && hasProcFiles)('a long load', () => {
  let mail: TroubledMail
  let app: RunningApp
  let pids: { web: number; worker: number }
  beforeAll(async () => {
    mail = await startTroubledMail()
    const preload = `--expose-gc --import=data:text/javascript,${encodeURIComponent(printHeap)}`
    app = await startApp({ env: { ...mail.env, NODE_OPTIONS: preload } })
    pids = processesOf(app)
  })
  afterAll(async () => {
    await app?.stop()
    await mail?.close()
  })

  const get = (path: string) => exchange(app.port, { method: 'GET', path })
  const post = (endpoint: string, body: object) => postJson(app.port, endpoint, body)

  async function visit(): Promise<number[]> {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const query = new URLSearchParams({ ...link, timestamp: String(link.timestamp) })
    const answers = [
      await get('/forgot-password/'),
      await get(`/reset-password/?${query}`),
      await post('send-reset-password-link', { login: 'nobody' }),
      await post('reset-password', { ...link, signature: 'x', password: newPassword() }),
      await post('reset-password', { ...link, password: newPassword() }),
      await get('/nowhere/'),
    ]
    return answers.map(({ status }) => status)
  }

  const each = (measure: (pid: number) => number) => ({
    web: measure(pids.web),
    worker: measure(pids.worker),
  })
  async function heapOf(pid: number): Promise<number> {
    const before = app.output().length
    process.kill(pid, 'SIGUSR2')
    const bytes = () => new RegExp(`"heapOf":${pid},"bytes":(\\d+)`).exec(app.output().slice(before))?.[1]
    await expect.poll(bytes, { timeout: 30_000 }).toBeDefined()
    return Number(bytes())
  }
  const heaps = async () => ({ web: await heapOf(pids.web), worker: await heapOf(pids.worker) })
  const jobs = async () => {
    const { rows } = await app.sql.query<{ count: number }>(
      `SELECT count(*)::int AS "count" FROM rekey_queue.job WHERE state < 'completed'`,
    )
    return rows[0]!.count
  }

  test('after a long load, memory and handles have not grown, no job waits and no email is lost [F14, F1]', async () => {
    const crowd = await addCrowd(app.sql, 10 * seconds * clients)
    expect(await visit()).toEqual([200, 200, 200, 400, 200, 404])
    await settled(app)
    const before = each(handlesOf)

    const accepted: Member[] = []
    const began = performance.now()
    const isOver = () => performance.now() - began > seconds * 1000
    let next = 0
    const samples: { at: number; memory: ReturnType<typeof each>; jobs: number }[] = []
    let warm: Awaited<ReturnType<typeof heaps>> | undefined
    await Promise.all([
      ...Array.from({ length: clients }, async () => {
        while (!isOver()) {
          const member = crowd[next++]!
          expect(await requestStatus(app.port, member)).toBe(200)
          accepted.push(member)
          await expect.poll(() => mail.countTo(member.email), { timeout: 60_000 }).toBe(1)
        }
      }),
      (async () => {
        for (; !isOver(); await pause(500)) expect(await visit()).toEqual([200, 200, 200, 400, 200, 404])
      })(),
      (async () => {
        for (; !isOver(); await pause(1_000)) {
          const at = (performance.now() - began) / 1000
          samples.push({ at, memory: each(proportionalMemoryOf), jobs: await jobs() })
          if (at > warmUpSeconds) warm ??= await heaps()
        }
      })(),
    ])

    await settled(app, 60_000)
    const row = countRow(`${seconds} seconds of load`, 1, accepted, mail)
    printFaultRow(row)
    expect([row.lost, row.duplicates]).toEqual([0, 0])

    const end = await heaps()
    for (const kind of ['web', 'worker'] as const) {
      const memory = samples.filter(({ at }) => at > warmUpSeconds).map((sample) => sample.memory[kind])
      console.log(
        `${kind}: ${megabytes(memory[0]!)} MB, at the end ${megabytes(memory.at(-1)!)} MB;`,
        `in use ${megabytes(warm![kind])} MB, at the end ${megabytes(end[kind])} MB; ${before[kind]} handles`,
      )
      expect(end[kind] / warm![kind]).toBeLessThan(growth)
    }

    // For each client, at most one request and its email, and the jobs of the other requests.
    expect(Math.max(...samples.map((sample) => sample.jobs))).toBeLessThan(3 * clients)
    // Unused connections to the database close after ten seconds, those to the mail server after a minute.
    const idle = { web: 2, worker: isLong ? 2 : mailConnections }
    for (const kind of ['web', 'worker'] as const)
      await expect
        .poll(() => handlesOf(pids[kind]), { timeout: isLong ? 90_000 : 20_000 })
        .toBeLessThanOrEqual(before[kind] + idle[kind])
  }, 900_000)
})

const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
