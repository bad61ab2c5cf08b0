import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { startDatabaseProxy } from '@/e2e/support/database-proxy'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { createAuditLog } from '@/lib/audit/audit'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createLinkEmailJobWriter, type LinkEmailJob } from './store-link-email-jobs'

let database: TestDatabase
let opened: Database
const log = pino({ enabled: false })
beforeAll(async () => {
  database = await createMigratedDatabase()
  opened = openDatabase({ ...database, poolSize: 2 }, log)
}, 120_000)
beforeEach(() => opened.pool.query('DELETE FROM "rekey_queue"."job"'))
afterAll(async () => {
  await opened.close()
  await database.drop()
})

const audit = () => createAuditLog(opened, 'public.people', log)

function newRequest(requestId: string) {
  const data = { accountId: randomUUID(), requestedAt: 1, locale: 'en', requestId, bypassPause: false }
  const email: LinkEmailJob = { id: randomUUID(), data, afterSeconds: 0, isAudited: true }
  return { email, requestId }
}
type Request = ReturnType<typeof newRequest>

const newRequests = () => ['r-1', 'r-2', 'r-3'].map(newRequest)

function storeAll(requests: Request[], of = opened): Promise<PromiseSettledResult<void>[]> {
  const store = createLinkEmailJobWriter({ audit: audit(), database: of })
  return Promise.allSettled(
    requests.map(({ email, requestId }) => store([email], { requestId, client: '198.51.100.77' })),
  )
}

const statuses = (settled: PromiseSettledResult<void>[]) => settled.map(({ status }) => status)

async function storedIds(): Promise<string[]> {
  const { rows } = await opened.pool.query<{ id: string }>(
    'SELECT "id" FROM "rekey_queue"."job" ORDER BY "id"',
  )
  return rows.map(({ id }) => id)
}

const historyOf = ({ email }: Request) => audit().history(email.data.accountId!)

test('three requests are stored by one statement, each with an audit entry of its own [F3, L1]', async () => {
  const requests = newRequests()
  const query = vi.spyOn(opened.pool, 'query')
  expect(statuses(await storeAll(requests))).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  expect(query).toHaveBeenCalledTimes(1)
  query.mockRestore()
  for (const request of requests)
    expect(await historyOf(request)).toMatchObject([{ requestId: request.requestId }])
})

test('a request that cannot be stored fails alone, and the others of its batch are stored once [F3]', async () => {
  const requests = newRequests()
  requests[1]!.email.data.locale = '\u0000'
  expect(statuses(await storeAll(requests))).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await storedIds()).toEqual([requests[0]!.email.id, requests[2]!.email.id].sort())
  const entries = await Promise.all(requests.map(async (request) => (await historyOf(request)).length))
  expect(entries).toEqual([1, 0, 1])
})

test('an email that is in a batch twice is stored once [F3]', async () => {
  const request = newRequest('r-1')
  expect(statuses(await storeAll([request, request]))).toEqual(['fulfilled', 'fulfilled'])
  expect(await storedIds()).toEqual([request.email.id])
})

test('a commit in doubt fails every request of its batch, and their next attempts store no second email [F3]', async () => {
  const proxy = await startDatabaseProxy(database)
  const through = openDatabase({ ...proxy.database, poolSize: 1 }, log)
  try {
    await storeAll([newRequest('r-0')], through)
    const requests = newRequests()
    const cut = proxy.cutAt(new RegExp(requests[2]!.email.id), 'after')
    expect(statuses(await storeAll(requests, through))).toEqual(['rejected', 'rejected', 'rejected'])
    await cut
    expect(statuses(await storeAll(requests, through))).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(await storedIds()).toHaveLength(1 + 3)
  } finally {
    await through.close()
    await proxy.close()
  }
})
