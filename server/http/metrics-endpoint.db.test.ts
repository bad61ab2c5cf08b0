import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { openDatabase, type Database } from '@/lib/database/pool'
import { createMailStateStore } from '@/lib/mail-health/state'
import { createMetricsStore } from '@/lib/metrics/store'
import { createMetricsHandler } from './metrics-endpoint'

const token = 'vK4qTz9RrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue'
const log = pino({ level: 'silent' })

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createMigratedDatabase()
  database = openDatabase({ ...testDatabase, poolSize: 2 }, log)
}, 120_000)
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

const partsOf = (of: Database) => ({
  store: createMetricsStore(of),
  mailState: createMailStateStore(of),
  ownReport: () => 0,
  token,
  log,
})

async function scrape(
  parts: Parameters<typeof createMetricsHandler>[0],
  {
    times,
    headers = { Authorization: `Bearer ${token}` },
    scrapes = 1,
    rounds = 1,
  }: {
    times?: { patience: number; keepJobs: number }
    headers?: Record<string, string>
    scrapes?: number
    rounds?: number
  } = {},
) {
  const handle = createMetricsHandler(parts, times)
  const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const responses: { status: number; headers: Headers; text: string }[] = []
  for (let round = 0; round < rounds; round += 1)
    responses.push(
      ...(await Promise.all(
        Array.from({ length: scrapes }, async () => {
          const response = await fetch(url, { headers })
          return { status: response.status, headers: response.headers, text: await response.text() }
        }),
      )),
    )
  server.close()
  return responses
}

test('a scrape gets metrics in the format of Prometheus, which may not be cached [L7]', async () => {
  const [response] = await scrape(partsOf(database))
  expect(response!.status).toBe(200)
  expect(response!.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(response!.text).toContain('\nrekey_database_up 1\n')
  expect(response!.text).toContain('\nrekey_emails_stopped{cause="authentication"} 0\n')
  expect(response!.text).toContain('\nrekey_jobs{queue="link-request",state="waiting"} 0\n')
})

test.each([undefined, '', 'Bearer', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token])(
  'a scrape with %j instead of the token gets 401, and does not read the database [L7]',
  async (authorization) => {
    const read = () => Promise.reject(new Error('read'))
    const store = { read, readJobs: read }
    const headers: Record<string, string> =
      authorization === undefined ? {} : { Authorization: authorization }
    const [response] = await scrape(
      { store, mailState: { read }, ownReport: () => 0, token, log },
      { headers },
    )
    expect(response).toMatchObject({ status: 401, text: '{"detail":"A bearer token is needed."}' })
    expect(response!.headers.get('www-authenticate')).toBe('Bearer')
  },
)

test('scrapes at the same time share one read, and the numbers of jobs are cached [L7]', async () => {
  const { store, mailState } = partsOf(database)
  const reads = { read: 0, readJobs: 0, mail: 0 }
  const counting = {
    store: {
      read: () => ((reads.read += 1), store.read()),
      readJobs: () => ((reads.readJobs += 1), store.readJobs()),
    },
    mailState: { read: () => ((reads.mail += 1), mailState.read()) },
    ownReport: () => 0,
    token,
    log,
  }
  const responses = await scrape(counting, {
    scrapes: 20,
    rounds: 3,
    times: { patience: 4_000, keepJobs: 60_000 },
  })
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(reads.readJobs).toBe(1)
  expect(reads.mail).toBe(1)
  expect(reads.read).toBeGreaterThanOrEqual(3)
  expect(reads.read).toBeLessThan(30)
})

test('a scrape gets only rekey_database_up 0, in time, if the database cannot be reached or does not respond [L7]', async () => {
  const unreachable = openDatabase(
    { ...testDatabase, url: 'postgresql://rekey@127.0.0.1:9/rekey', poolSize: 1 },
    log,
  )
  const [response] = await scrape(partsOf(unreachable))
  await unreachable.close()
  const silent = () => new Promise<never>(() => undefined)
  const began = performance.now()
  const [late] = await scrape(
    {
      store: { read: silent, readJobs: silent },
      mailState: { read: silent },
      ownReport: () => 0,
      token,
      log,
    },
    { times: { patience: 200, keepJobs: 0 } },
  )
  expect(performance.now() - began).toBeLessThan(3_000)
  for (const { status, text } of [response!, late!]) {
    expect(status).toBe(200)
    expect(text.replaceAll(/^#.*\n/gm, '')).toBe('rekey_database_up 0\n')
  }
})

test('a scrape gets all other metrics if the jobs cannot be read in time [L7]', async () => {
  const silent = () => new Promise<never>(() => undefined)
  const { store } = partsOf(database)
  const [response] = await scrape(
    {
      store: { read: store.read, readJobs: silent },
      mailState: { read: silent },
      ownReport: () => 0,
      token,
      log,
    },
    { times: { patience: 500, keepJobs: 0 } },
  )
  expect(response!.text).toContain('\nrekey_database_up 1\n')
  expect(response!.text).toContain('rekey_resets_total')
  expect(response!.text).not.toMatch(/rekey_jobs\{|rekey_emails_stopped/)
})
