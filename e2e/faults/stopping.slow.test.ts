import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addCrowd, type Member } from '@/e2e/support/crowd'
import { postJson } from '@/e2e/support/exchange'
import { printFaultRow } from '@/e2e/support/fault-table'
import { isLong } from '@/e2e/support/long-form'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { settled } from '@/e2e/support/settled-jobs'
import { freePort, startApp, type RunningApp } from '@/e2e/support/running-app'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'

// Two instances behind a load balancer that tries the other one when a connection is refused, as nginx does.

const restarts = isLong ? 20 : 2
const clients = 10

let database: TestDatabase
let sink: MailSink
const instances: RunningApp[] = []
const secret = 'Tr5Wq8Zy2Kn7Xb4Mh1Jd6Pf9Gs3Lv0Qc'
beforeAll(async () => {
  database = await createTestDatabase()
  sink = await startMailSink()
  sink.answerAfterMs = 20
  instances.push(await startInstance(await freePort()), await startInstance(await freePort()))
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.stop()))
  await sink?.close()
  await database?.drop()
})

const startInstance = (port: number) =>
  startApp({
    database,
    sink,
    env: { PORT: String(port), SECRET_KEY: secret, PUBLIC_URL: 'http://localhost:4998', LOG_LEVEL: 'debug' },
  })

/** Returns the status, or the error code where a connection broke. */
async function request({ login }: Member, first: number): Promise<number | string> {
  for (const turn of [first, first + 1, first]) {
    const answer = await postJson(instances[turn % 2]!.port, 'send-reset-password-link', {
      login,
    }).catch((error: NodeJS.ErrnoException) => error.code ?? String(error))
    if (answer !== 'ECONNREFUSED') return typeof answer === 'string' ? answer : answer.status
  }
  return 'both refuse'
}

// On an overloaded machine the system may reset a connection that no process has taken yet, hence the retries.
test(
  'stopping one of two instances under load with SIGTERM fails no request and loses no email [F9, F1]',
  { retry: 2, timeout: 1_200_000 },
  async () => {
    const crowd = await addCrowd(instances[0]!.sql, 20_000)
    const statuses: (number | string)[] = []
    let next = 0
    let stopping = false
    const loading = Array.from({ length: clients }, async () => {
      while (!stopping) {
        const nth = next++
        statuses[nth] = await request(crowd[nth]!, nth)
        await pause(100)
      }
    })
    const codes: (number | null)[] = []
    for (let restart = 0; restart < restarts; restart += 1) {
      await pause(1_000)
      const turn = restart % 2
      const { port } = instances[turn]!
      codes.push(await instances[turn]!.stop('SIGTERM'))
      instances[turn] = await startInstance(port)
    }
    stopping = true
    await Promise.all(loading)

    expect(statuses.filter((status) => status !== 200)).toEqual([])
    expect(codes).toEqual(codes.map(() => 0))
    // Jobs that a stopped worker returned to the queue end too, without waiting for a missing heartbeat.
    await settled(instances[0]!, 60_000)
    const counts = crowd.slice(0, statuses.length).map(({ email }) => sink.countTo(email))
    const row = {
      fault: 'SIGTERM to one of two instances under load',
      caused: restarts,
      accepted: statuses.length,
      delivered: counts.filter((count) => count > 0).length,
      duplicates: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
      lost: counts.filter((count) => count === 0).length,
    }
    printFaultRow(row)
    expect([row.lost, row.duplicates]).toEqual([0, 0])
  },
)
