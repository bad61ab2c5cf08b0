import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { newClient } from '@/e2e/support/new-client'
import { newPassword, readLink, startApp, type Answer, type RunningApp } from '@/e2e/support/running-app'
import { requestLinkPath } from '@/e2e/support/endpoint-paths'

const proxied = {
  TRUSTED_PROXY_HOPS: '1',
  LIMIT_REQUESTS_PER_CLIENT: '6/10m',
  LIMIT_REQUESTS_PER_LOGIN: '3/10m',
  LIMIT_RESETS_PER_CLIENT: '20/1m',
  LIMIT_ATTEMPTS_PER_LINK: '4/10m',
}

let app: RunningApp
let secondInstance: RunningApp
beforeAll(async () => {
  app = await startApp({ env: proxied })
  // Two instances on one database share their counts (R1).
  secondInstance = await startApp({
    env: { ...proxied, SECRET_KEY: app.secret, PUBLIC_URL: app.url },
    database: app.database,
    sink: app.sink,
  })
})
afterAll(async () => {
  await secondInstance?.stop()
  await app?.stop()
})

const from = (client: string) => ({ 'X-Forwarded-For': client })
const requestLink = (login: string, client: string, by = app) =>
  by.post('send-reset-password-link', { login }, from(client))

async function inTurn(times: number, call: (i: number) => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < times; i += 1) statuses.push((await call(i)).status)
  return statuses
}

async function untilRejected(loginOf: (attempt: number) => string) {
  const client = newClient()
  const began = performance.now()
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    const response = await requestLink(loginOf(attempt), client)
    if (response.status !== 200)
      return { attempt, response, secondsTaken: (performance.now() - began) / 1000 }
  }
  throw new Error('Ten requests of one client were all accepted.')
}

type Rejected = Awaited<ReturnType<typeof untilRejected>>

/** Expects two 429 responses to differ only in their date, in seconds of their waiting time, and in the request id. */
function expectAlike(...rejected: [Rejected, Rejected]): void {
  const [one, other] = rejected.map(({ response: { status, headers, json }, secondsTaken }) => {
    const seconds = Number(headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(600)
    expect([status, json]).toEqual([
      429,
      { detail: `Request was throttled. Expected available in ${seconds} seconds.` },
    ])
    const others = [...headers].filter(([name]) => !/^(date|x-request-id|retry-after)$/.test(name))
    return { seconds: seconds + secondsTaken, names: [...headers.keys()], others }
  })
  expect([one!.names, one!.others]).toEqual([other!.names, other!.others])
  expect(Math.abs(one!.seconds - other!.seconds)).toBeLessThanOrEqual(10)
}

describe('limits on requests for a link', () => {
  test('requests for one login are rejected at the same count, with the same response, whether it has an account or not [A6, R1, R4]', async () => {
    const person = await app.addPerson()
    const known = await untilRejected(() => person.username)
    const unknown = await untilRejected(() => 'nobody-of-this-name')
    expect([known.attempt, unknown.attempt]).toEqual([4, 4])
    expectAlike(known, unknown)
  })

  test('a client that tries several logins is rejected at the same count, with the same response, whether one has an account or not [A6, R1]', async () => {
    const person = await app.addPerson()
    const among = (login: string) => (i: number) => (i % 3 === 1 ? login : `other-${i}`)
    const known = await untilRejected(among(person.username))
    const unknown = await untilRejected(among('nobody-of-this-name'))
    expect([known.attempt, unknown.attempt]).toEqual([7, 7])
    expectAlike(known, unknown)
  })

  test('all spellings of a login share one count [A6]', async () => {
    const client = newClient()
    const spellings = ['a@example.com', 'A@EXAMPLE.com', ' a@example.com ', 'a@Example.COM']
    expect(await inTurn(4, (i) => requestLink(spellings[i]!, client))).toEqual([200, 200, 200, 429])
  })

  test('two instances count the requests of a client together, for all logins [R1]', async () => {
    const client = newClient()
    const statuses = await inTurn(8, (i) =>
      requestLink(`name-${i}`, client, i % 2 === 0 ? app : secondInstance),
    )
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429])
  })

  test('requests of a stranger for an account do not keep another client from requesting its link [A6]', async () => {
    const person = await app.addPerson()
    const stranger = newClient()
    await inTurn(7, () => requestLink(person.username, stranger))
    expect((await requestLink(person.username, stranger)).status).toBe(429)
    expect((await requestLink(person.username, newClient())).status).toBe(200)
    expect((await app.sink.next(person.email)).recipients).toEqual([person.email])
  })

  test('an IPv6 network of 64 bits counts as one client, and an IPv4 address written as IPv6 as that address [R6]', async () => {
    const network = '2001:db8:0:1'
    const spellings = [
      `${network}::1`,
      `${network}:0:0:0:2`,
      `${network.toUpperCase()}::FFFF`,
      `[${network}::4]:4711`,
    ]
    const statuses = await inTurn(8, (i) => requestLink(`v6-${i}`, spellings[i % 4]!))
    expect(statuses.slice(-2)).toEqual([429, 429])
    const v4 = newClient()
    expect(await inTurn(7, (i) => requestLink(`v4-${i}`, i % 2 ? v4 : `::ffff:${v4}`))).toEqual([
      200, 200, 200, 200, 200, 200, 429,
    ])
  })

  test('clients without a valid address share one limit [R6]', async () => {
    const statuses = await inTurn(8, (i) =>
      requestLink(`unknown-${i}`, ['garbage', '', 'unknown', '999.1.1.1'][i % 4]!),
    )
    expect(statuses.at(-1)).toBe(429)
  })

  test('addresses left of the one that the trusted proxy added are ignored [R5]', async () => {
    const client = newClient()
    const statuses = await inTurn(7, (i) => requestLink(`left-${i}`, `${newClient()}, ${client}`))
    expect(statuses.at(-1)).toBe(429)
  })

  test('all spellings of the path share one count [R7]', async () => {
    const client = newClient()
    const path = '/api/v1/accounts/send-reset-password-link'
    const spellings = [`${path}/`, path, `${path}?a=b`, `${path}/?login=c`]
    const statuses: number[] = []
    for (let i = 0; i < 8; i += 1) {
      const response = await fetch(app.url + spellings[i % 4], {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...from(client) },
        body: JSON.stringify({ login: `path-${i}` }),
      })
      statuses.push(response.status)
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429])
  })

  test('one client adds a bounded number of rows, however many logins it invents [R8]', async () => {
    const client = newClient()
    await inTurn(40, (i) => requestLink(`made-up-${i}-${client}`, client))
    const rowsOfClient = async () =>
      (await app.sql.query<{ key: string }>('SELECT "key" FROM "rekey"."limits"')).rows.filter(({ key }) =>
        key.endsWith(client),
      )
    // One row for the client, six for the accepted logins, six from the worker, and one for logins without an account.
    await expect.poll(async () => (await rowsOfClient()).length, { timeout: 20_000 }).toBe(1 + 6 + 6 + 1)
    const { rows } = await app.sql.query<{ key: string }>('SELECT "key" FROM "rekey"."limits"')
    expect(rows.filter(({ key }) => key.includes('made-up'))).toEqual([])
  })
})

describe('clients without a trusted proxy', () => {
  let direct: RunningApp
  beforeAll(async () => {
    direct = await startApp({ env: { TRUSTED_PROXY_HOPS: '0', LIMIT_REQUESTS_PER_CLIENT: '3/1h' } })
  })
  afterAll(() => direct?.stop())

  const names = ['X-Forwarded-For', 'Forwarded', 'X-Real-IP']
  test.each(names.flatMap((name) => [[name, 1] as const, [name, 2] as const]))(
    'a new %s header in each request, sent %i times, does not make a new client [R5]',
    async (name, lines) => {
      await direct.sql.query('DELETE FROM "rekey"."limits"')
      const forged = () => (name === 'Forwarded' ? `for=${newClient()}` : newClient())
      const requestOnce = async () => {
        const sent = {
          path: requestLinkPath,
          headers: [
            ['Content-Type', 'application/json'],
            ...Array.from({ length: lines }, () => [name, forged()]),
          ] as [string, string][],
          body: JSON.stringify({ login: newClient() }),
        }
        return (await exchange(direct.port, sent)).status
      }
      // The process remembers for a second that it rejected this client in the test before.
      await expect.poll(requestOnce, { timeout: 10_000 }).toBe(200)
      expect([await requestOnce(), await requestOnce(), await requestOnce()]).toEqual([200, 200, 429])
    },
  )
})

describe('limits on resets', () => {
  test('invalid signatures count against their client on both instances, and the valid link still works for another client [R1, R3]', async () => {
    const person = await app.addPerson()
    const [link] = [await app.post('send-reset-password-link', { login: person.username }, from(newClient()))]
    expect(link!.status).toBe(200)
    const genuine = readLink((await app.sink.next(person.email)).link)
    const forged = { ...genuine, signature: 'A'.repeat(86), password: newPassword() }
    const attacker = newClient()
    const statuses = await inTurn(150, (i) =>
      (i % 2 === 0 ? app : secondInstance).post('reset-password', forged, from(attacker)),
    )
    expect(statuses.slice(0, 20)).toEqual(Array(20).fill(400))
    expect(new Set(statuses.slice(20))).toEqual(new Set([429]))
    const response = await app.post(
      'reset-password',
      { ...genuine, password: newPassword() },
      from(newClient()),
    )
    expect(response.status).toBe(200)
  })

  test('rejected passwords count per link and client, and a valid password is still accepted after the limit [R3, T14]', async () => {
    const person = await app.addPerson()
    await requestLink(person.username, newClient())
    const link = readLink((await app.sink.next(person.email)).link)
    const client = newClient()
    const weak = () => app.post('reset-password', { ...link, password: 'short of it' }, from(client))
    expect(await inTurn(6, weak)).toEqual([400, 400, 400, 400, 429, 429])
    const response = await app.post('reset-password', { ...link, password: newPassword() }, from(client))
    expect(response.status).toBe(200)
  })
})

describe('a table of limits that cannot be read', () => {
  test('a request that cannot be counted gets 503, and no email is sent [R8]', async () => {
    const person = await app.addPerson()
    await app.sql.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_gone"')
    try {
      for (const response of [
        await requestLink(person.username, newClient()),
        await app.post(
          'reset-password',
          { user_id: person.id, timestamp: 1, signature: 'x', password: 'y' },
          from(newClient()),
        ),
      ]) {
        expect([response.status, response.json]).toEqual([
          503,
          { detail: 'Service temporarily unavailable.' },
        ])
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      }
    } finally {
      await app.sql.query('ALTER TABLE "rekey"."limits_gone" RENAME TO "limits"')
    }
    expect((await requestLink(person.username, newClient())).status).toBe(200)
    await app.sink.next(person.email)
    expect(app.sink.countTo(person.email)).toBe(1)
  })
})

test('a restart keeps the counts, and deletes expired limits and old audit entries [R1, R8, L6]', async () => {
  const client = newClient()
  expect(await inTurn(6, (i) => requestLink(`kept-${i}`, client, secondInstance))).toEqual(Array(6).fill(200))
  await secondInstance.stop()
  const ended = `INSERT INTO "rekey"."limits" SELECT 'requestsPerLogin:over-' || n, 1, 1 FROM generate_series(1, 1000) AS n`
  await app.sql.query(ended)
  await app.sql.query(
    `INSERT INTO "rekey"."audit" ("at", "event")
     VALUES (now() - interval '181 days', 'test_over'), (now() - interval '179 days', 'test_kept')`,
  )
  secondInstance = await startApp({
    env: { ...proxied, LIMIT_RESETS_PER_CLIENT: '2/3s', SECRET_KEY: app.secret, PUBLIC_URL: app.url },
    database: app.database,
    sink: app.sink,
  })
  expect((await requestLink('kept-7', client, secondInstance)).status).toBe(429)
  const over = async () =>
    (await app.sql.query(`SELECT 1 FROM "rekey"."limits" WHERE "key" LIKE 'requestsPerLogin:over-%'`))
      .rowCount
  await expect.poll(over, { timeout: 20_000 }).toBe(0)
  const entries = async () =>
    (await app.sql.query(`SELECT "event" FROM "rekey"."audit" WHERE "event" LIKE 'test_%'`)).rows
  await expect.poll(entries).toEqual([{ event: 'test_kept' }])
})

test('completed jobs are deleted within a day, and those that contain a login within an hour [L6]', async () => {
  const { rows } = await app.sql.query<{ name: string; seconds: number }>(
    'SELECT "name", "deletion_seconds" AS "seconds" FROM rekey_queue."queue"',
  )
  expect(rows).toContainEqual({ name: 'link-request', seconds: 3600 })
  expect(rows.filter(({ name, seconds }) => !name.startsWith('__') && seconds > 86_400)).toEqual([])
})

test('a client that waits as long as Retry-After says can send requests again [R4]', async () => {
  const client = newClient()
  const forged = { user_id: 'a', timestamp: 1, signature: 'b', password: 'c' }
  const reset = () => secondInstance.post('reset-password', forged, from(client))
  let response = await reset()
  while (response.status !== 429) response = await reset()
  const seconds = Number(response.headers.get('retry-after'))
  expect(seconds).toBeGreaterThanOrEqual(1)
  expect(seconds).toBeLessThanOrEqual(3)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  expect((await reset()).status).toBe(400)
})
