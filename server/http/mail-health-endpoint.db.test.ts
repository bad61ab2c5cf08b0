import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createMailStateStore } from '@/lib/mail-health/state'
import { createMailHealthHandler } from './mail-health-endpoint'

const token = 'vK4qTz9RrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue'
const log = pino({ level: 'silent' })

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createMigratedDatabase()
  database = openDatabase({ ...testDatabase, poolSize: 1 }, log)
}, 120_000)
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

/** Calls `allArrived` when all requests have arrived. */
async function sendRequests(
  state: Parameters<typeof createMailHealthHandler>[0],
  count = 1,
  allArrived = () => {},
  given: { Authorization: string | undefined } = { Authorization: `Bearer ${token}` },
) {
  const handle = createMailHealthHandler(state, token, log)
  let arrived = 0
  const server = createServer((request, response) => {
    void handle(request, response)
    if ((arrived += 1) === count) allArrived()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const headers: Record<string, string> =
    given.Authorization === undefined ? {} : { Authorization: given.Authorization }
  const responses = await Promise.all(Array.from({ length: count }, () => fetch(url, { headers })))
  const bodies = await Promise.all(responses.map((response) => response.json()))
  server.close()
  return { statuses: [...new Set(responses.map(({ status }) => status))], body: bodies[0] as unknown }
}

test('the response of mail health names the cause of failing emails and its time, and not when the last email was sent [V6]', async () => {
  const state = createMailStateStore(database)
  const failure = {
    cause: 'certificate',
    reason: 'CERT_HAS_EXPIRED',
    failed: 1_000,
    started: 120_000,
  } as const
  await state.write({ accepted: 180_000, failure })
  const { statuses, body } = await sendRequests(state)
  expect(statuses).toEqual([503])
  expect(body).toEqual({
    status: 'failing',
    cause: 'certificate',
    reason: 'CERT_HAS_EXPIRED',
    since: expect.stringMatching(/^\d{4}-.*Z$/),
    hint: expect.stringContaining('SMTP_CA_FILE'),
    workerSeenSeconds: expect.any(Number),
    oldestRequestSeconds: null,
  })
  await state.write({ accepted: 0 })
  expect(await sendRequests(state)).toMatchObject({ statuses: [200], body: { status: 'ok' } })
})

test.each([undefined, '', 'Bearer', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token])(
  'a request for mail health with %j instead of the token gets 401, and does not read the database [V6]',
  async (authorization) => {
    const read = () => Promise.reject(new Error('read'))
    const headers = { Authorization: authorization }
    expect(await sendRequests({ read }, 1, undefined, headers)).toEqual({
      statuses: [401],
      body: { detail: 'A bearer token is needed.' },
    })
  },
)

test('twenty requests for mail health at once read the database once [V6]', async () => {
  const state = createMailStateStore(database)
  const { promise, resolve } = Promise.withResolvers<void>()
  let reads = 0
  const read = async () => {
    reads += 1
    await promise
    return state.read()
  }
  expect((await sendRequests({ read }, 20, resolve)).statuses).toEqual([200])
  expect(reads).toBe(1)
})

test('mail health is unknown if the database cannot be reached [V6]', async () => {
  const unreachable = openDatabase(
    { ...testDatabase, url: 'postgresql://rekey@127.0.0.1:9/rekey', poolSize: 1 },
    log,
  )
  expect(await sendRequests(createMailStateStore(unreachable))).toEqual({
    statuses: [503],
    body: { status: 'unknown' },
  })
  await unreachable.close()
})
