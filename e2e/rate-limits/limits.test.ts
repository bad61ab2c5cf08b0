import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { newPassword, readLink, startApp, type Answer, type RunningApp } from '@/e2e/support/running-app'

const proxied = {
  TRUSTED_PROXY_HOPS: '1',
  LIMIT_REQUESTS_PER_CLIENT: '6/10m',
  LIMIT_REQUESTS_PER_LOGIN: '3/10m',
  LIMIT_RESETS_PER_CLIENT: '20/1m',
  LIMIT_ATTEMPTS_PER_LINK: '4/10m',
}

let app: RunningApp
let twin: RunningApp
beforeAll(async () => {
  app = await startApp({ env: proxied })
  // A second instance on the same database: counts are shared (R1).
  twin = await startApp({
    env: { ...proxied, SECRET_KEY: app.secret, PUBLIC_URL: app.url },
    database: app.database,
    sink: app.sink,
  })
})
afterAll(async () => {
  await twin?.stop()
  await app?.stop()
})

let block = 0
/** A client that nobody was before. */
const newClient = () => `198.51.${Math.floor(++block / 250)}.${(block % 250) + 1}`
const from = (client: string) => ({ 'X-Forwarded-For': client })
const ask = (login: string, client: string, by = app) =>
  by.post('send-reset-password-link', { login }, from(client))

/** The statuses of one call after the other. */
async function inTurn(times: number, call: (i: number) => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < times; i += 1) statuses.push((await call(i)).status)
  return statuses
}

/** Asks as a new client until it is refused. */
async function untilRefused(loginOf: (attempt: number) => string) {
  const client = newClient()
  const began = performance.now()
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    const answer = await ask(loginOf(attempt), client)
    if (answer.status !== 200) return { attempt, answer, secondsTaken: (performance.now() - began) / 1000 }
  }
  throw new Error('Ten asks of one client were all taken.')
}

type Refused = Awaited<ReturnType<typeof untilRefused>>

/** Two refusals differ in nothing but the time, some seconds of two hundred to wait, and the request’s id. */
function expectAlike(...refused: [Refused, Refused]): void {
  const [one, other] = refused.map(({ answer: { status, headers, json }, secondsTaken }) => {
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

describe('asking', () => {
  test('an identifier is refused at the same count whether it has an account or not, with the same answer [A6, R1, R4]', async () => {
    const person = await app.addPerson()
    const known = await untilRefused(() => person.username)
    const unknown = await untilRefused(() => 'nobody-of-this-name')
    expect([known.attempt, unknown.attempt]).toEqual([4, 4])
    expectAlike(known, unknown)
  })

  test('a client that asks for several is refused at the same count whether one has an account or not, with the same answer [A6, R1]', async () => {
    const person = await app.addPerson()
    const among = (login: string) => (i: number) => (i % 3 === 1 ? login : `other-${i}`)
    const known = await untilRefused(among(person.username))
    const unknown = await untilRefused(among('nobody-of-this-name'))
    expect([known.attempt, unknown.attempt]).toEqual([7, 7])
    expectAlike(known, unknown)
  })

  test('other spellings of an identifier share its count [A6]', async () => {
    const client = newClient()
    const spellings = ['a@example.com', 'A@EXAMPLE.com', ' a@example.com ', 'a@Example.COM']
    expect(await inTurn(4, (i) => ask(spellings[i]!, client))).toEqual([200, 200, 200, 429])
  })

  test('a client is refused after its share, for any login, on both instances together [R1]', async () => {
    const client = newClient()
    const statuses = await inTurn(8, (i) => ask(`name-${i}`, client, i % 2 === 0 ? app : twin))
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429])
  })

  test('a stranger who asks in somebody’s name refuses them nothing: another client is answered and the email comes [A6]', async () => {
    const person = await app.addPerson()
    const stranger = newClient()
    await inTurn(7, () => ask(person.username, stranger))
    expect((await ask(person.username, stranger)).status).toBe(429)
    expect((await ask(person.username, newClient())).status).toBe(200)
    expect((await app.sink.next(person.email)).recipients).toEqual([person.email])
  })

  test('an IPv6 client is its /64, in whatever spelling; an IPv4 one in IPv6 is itself [R6]', async () => {
    const network = `2001:db8:${(++block).toString(16)}:1`
    const spellings = [
      `${network}::1`,
      `${network}:0:0:0:2`,
      `${network.toUpperCase()}::FFFF`,
      `[${network}::4]:4711`,
    ]
    const statuses = await inTurn(8, (i) => ask(`v6-${i}`, spellings[i % 4]!))
    expect(statuses.slice(-2)).toEqual([429, 429])
    const v4 = newClient()
    expect(await inTurn(7, (i) => ask(`v4-${i}`, i % 2 ? v4 : `::ffff:${v4}`))).toEqual([
      200, 200, 200, 200, 200, 200, 429,
    ])
  })

  test('clients without a usable address share one bucket, never "no limit" [R6]', async () => {
    const statuses = await inTurn(8, (i) =>
      ask(`unknown-${i}`, ['garbage', '', 'unknown', '999.1.1.1'][i % 4]!),
    )
    expect(statuses.at(-1)).toBe(429)
  })

  test('what stands left of the trusted hop is not believed [R5]', async () => {
    const client = newClient()
    const statuses = await inTurn(7, (i) => ask(`left-${i}`, `${newClient()}, ${client}`))
    expect(statuses.at(-1)).toBe(429)
  })

  test('another spelling of the path is no other count [R7]', async () => {
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

  test('one client fills a bounded number of rows, however many identifiers it makes up [R8]', async () => {
    const client = newClient()
    await inTurn(40, (i) => ask(`made-up-${i}-${client}`, client))
    const kept = async () =>
      (await app.sql.query<{ key: string }>('SELECT "key" FROM "rekey"."limits"')).rows.filter(({ key }) =>
        key.endsWith(client),
      )
    // The client, the six logins that were taken, what the worker keeps of each, and that they have no account.
    await expect.poll(async () => (await kept()).length, { timeout: 20_000 }).toBe(1 + 6 + 6 + 1)
    const { rows } = await app.sql.query<{ key: string }>('SELECT "key" FROM "rekey"."limits"')
    expect(rows.filter(({ key }) => key.includes('made-up'))).toEqual([])
  })
})

describe('with no proxy trusted', () => {
  let direct: RunningApp
  beforeAll(async () => {
    direct = await startApp({ env: { TRUSTED_PROXY_HOPS: '0', LIMIT_REQUESTS_PER_CLIENT: '3/1h' } })
  })
  afterAll(() => direct?.stop())

  const names = ['X-Forwarded-For', 'Forwarded', 'X-Real-IP']
  test.each(names.flatMap((name) => [[name, 1] as const, [name, 2] as const]))(
    'another %s each time, on lines: %i, makes no other client [R5]',
    async (name, lines) => {
      await direct.sql.query('DELETE FROM "rekey"."limits"')
      const told = () => (name === 'Forwarded' ? `for=${newClient()}` : newClient())
      const requestOnce = async () => {
        const sent = {
          path: '/api/v1/accounts/send-reset-password-link/',
          headers: [
            ['Content-Type', 'application/json'],
            ...Array.from({ length: lines }, () => [name, told()]),
          ] as [string, string][],
          body: JSON.stringify({ login: newClient() }),
        }
        return (await exchange(direct.port, sent)).status
      }
      // A refusal of the test before is remembered for a second.
      await expect.poll(requestOnce, { timeout: 10_000 }).toBe(200)
      expect([await requestOnce(), await requestOnce(), await requestOnce()]).toEqual([200, 200, 429])
    },
  )
})

describe('resetting', () => {
  test('bad signatures are counted against their client alone, on both instances together; the genuine link works from elsewhere [R1, R3]', async () => {
    const person = await app.addPerson()
    const [link] = [await app.post('send-reset-password-link', { login: person.username }, from(newClient()))]
    expect(link!.status).toBe(200)
    const genuine = readLink((await app.sink.next(person.email)).link)
    const junk = { ...genuine, signature: 'A'.repeat(86), password: newPassword() }
    const attacker = newClient()
    const statuses = await inTurn(150, (i) =>
      (i % 2 === 0 ? app : twin).post('reset-password', junk, from(attacker)),
    )
    expect(statuses.slice(0, 20)).toEqual(Array(20).fill(400))
    expect(new Set(statuses.slice(20))).toEqual(new Set([429]))
    const answer = await app.post(
      'reset-password',
      { ...genuine, password: newPassword() },
      from(newClient()),
    )
    expect(answer.status).toBe(200)
  })

  test('refused passwords are counted per link and client; a good one passes all the same [R3, T14]', async () => {
    const person = await app.addPerson()
    await ask(person.username, newClient())
    const link = readLink((await app.sink.next(person.email)).link)
    const client = newClient()
    const weak = () => app.post('reset-password', { ...link, password: 'short of it' }, from(client))
    expect(await inTurn(6, weak)).toEqual([400, 400, 400, 400, 429, 429])
    const answer = await app.post('reset-password', { ...link, password: newPassword() }, from(client))
    expect(answer.status).toBe(200)
  })
})

describe('when counting is impossible', () => {
  test('the answer is 503, never "no limit", and nothing is asked [R8]', async () => {
    const person = await app.addPerson()
    await app.sql.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_gone"')
    try {
      for (const answer of [
        await ask(person.username, newClient()),
        await app.post(
          'reset-password',
          { user_id: person.id, timestamp: 1, signature: 'x', password: 'y' },
          from(newClient()),
        ),
      ]) {
        expect([answer.status, answer.json]).toEqual([503, { detail: 'Service temporarily unavailable.' }])
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      }
    } finally {
      await app.sql.query('ALTER TABLE "rekey"."limits_gone" RENAME TO "limits"')
    }
    expect((await ask(person.username, newClient())).status).toBe(200)
    await app.sink.next(person.email)
    expect(app.sink.countTo(person.email)).toBe(1)
  })
})

test('a restart forgets no count, and clears away what has served its time [R1, R8, L6]', async () => {
  const client = newClient()
  expect(await inTurn(6, (i) => ask(`kept-${i}`, client, twin))).toEqual(Array(6).fill(200))
  await twin.stop()
  const ended = `INSERT INTO "rekey"."limits" SELECT 'requestsPerLogin:over-' || n, 1, 1 FROM generate_series(1, 1000) AS n`
  await app.sql.query(ended)
  await app.sql.query(
    `INSERT INTO "rekey"."audit" ("at", "event")
     VALUES (now() - interval '181 days', 'test_over'), (now() - interval '179 days', 'test_kept')`,
  )
  twin = await startApp({
    env: { ...proxied, LIMIT_RESETS_PER_CLIENT: '2/3s', SECRET_KEY: app.secret, PUBLIC_URL: app.url },
    database: app.database,
    sink: app.sink,
  })
  expect((await ask('kept-7', client, twin)).status).toBe(429)
  const over = async () =>
    (await app.sql.query(`SELECT 1 FROM "rekey"."limits" WHERE "key" LIKE 'requestsPerLogin:over-%'`))
      .rowCount
  await expect.poll(over, { timeout: 20_000 }).toBe(0)
  const entries = async () =>
    (await app.sql.query(`SELECT "event" FROM "rekey"."audit" WHERE "event" LIKE 'test_%'`)).rows
  await expect.poll(entries).toEqual([{ event: 'test_kept' }])
})

test('finished jobs go within a day, and what was typed an hour after it was looked up [L6]', async () => {
  const { rows } = await app.sql.query<{ name: string; seconds: number }>(
    'SELECT "name", "deletion_seconds" AS "seconds" FROM rekey_queue."queue"',
  )
  expect(rows).toContainEqual({ name: 'link-request', seconds: 3600 })
  expect(rows.filter(({ name, seconds }) => !name.startsWith('__') && seconds > 86_400)).toEqual([])
})

test('who waits as long as the answer says is answered again [R4]', async () => {
  const client = newClient()
  const junk = { user_id: 'a', timestamp: 1, signature: 'b', password: 'c' }
  const reset = () => twin.post('reset-password', junk, from(client))
  let refused = await reset()
  while (refused.status !== 429) refused = await reset()
  const seconds = Number(refused.headers.get('retry-after'))
  expect(seconds).toBeGreaterThanOrEqual(1)
  expect(seconds).toBeLessThanOrEqual(3)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  expect((await reset()).status).toBe(400)
})
