import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { open, receive } from '@/e2e/support/raw-http'
import { newPassword, readLink, startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { exchange, type Received } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

const json: [string, string] = ['Content-Type', 'application/json']

let database: TestDatabase
let proxy: DatabaseProxy
let app: RunningApp
beforeAll(async () => {
  database = await createMigratedDatabase()
  proxy = await startDatabaseProxy(database)
  app = await startApp({
    database: proxy.database,
    env: { CORS_ALLOWED_ORIGINS: 'https://front.example', LOG_LEVEL: 'debug' },
  })
})
afterEach(() => proxy.restore())
afterAll(async () => {
  await app?.stop()
  await proxy?.close()
  await database?.drop()
})

const post = (path: string, body: object, headers: [string, string][] = []) =>
  exchange(app.port, { path, headers: [json, ...headers], body: JSON.stringify(body) })

function plain({ status, text, headers }: Received) {
  const kept = Object.entries(headers).filter(([name]) => !['date', 'x-request-id'].includes(name))
  return { status, text, headers: Object.fromEntries(kept) }
}

const starts = () => app.output().match(/"event":"(?:worker_started|sys_startup)"/g)?.length

async function expectRecovery(): Promise<void> {
  const before = starts()
  await expect
    .poll(async () => (await exchange(app.port, { method: 'GET', path: '/api/health/ready' })).status, {
      timeout: 30_000,
    })
    .toBe(200)
  const person = await app.addPerson()
  expect((await post(requestLinkPath, { login: person.username })).status).toBe(200)
  const link = readLink((await app.sink.next(person.email, 40_000)).link)
  const password = newPassword()
  expect((await post(resetPath, { ...link, password })).status).toBe(200)
  expect(await app.passwordIs(person, password)).toBe(true)
  expect(starts()).toBe(before)
}

describe('a database that is down', () => {
  test('without the database, both endpoints send all clients the same 503, and recover without a restart [F7, R8]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    await proxy.cut()

    const answers = [
      await post(requestLinkPath, { login: person.username }),
      await post(requestLinkPath, { login: 'nobody' }),
      await post(requestLinkPath, link),
      await post(resetPath, { ...link, password }),
      await post(resetPath, { ...link, signature: 'x', password }),
      await post(resetPath, { ...link, password: 'short' }),
    ]
    for (const answer of answers) expect(plain(answer)).toEqual(plain(answers[0]!))
    expect(answers[0]).toMatchObject({ status: 503, json: { detail: 'Service temporarily unavailable.' } })
    expect(Number(answers[0]!.headers['retry-after'])).toBeGreaterThan(0)
    expect(answers[0]!.headers['cache-control']).toBe('no-store')

    const ready = await exchange(app.port, { method: 'GET', path: '/api/health/ready' })
    expect(ready.status).toBe(503)
    const live = await exchange(app.port, { method: 'GET', path: '/api/health/live' })
    expect(live.status).toBe(200)

    await proxy.restore()
    await expectRecovery()
    expect(await app.passwordIs(person, password)).toBe(false)
    expect((await post(resetPath, { ...link, password })).status).toBe(200)
  })

  test('without the database, requests that do not need it get their usual responses [F7]', async () => {
    await proxy.cut()
    expect((await post(requestLinkPath, {})).status).toBe(400)
    expect((await post(resetPath, { user_id: [] })).status).toBe(400)
    expect((await exchange(app.port, { path: requestLinkPath, headers: [json], body: '{' })).status).toBe(400)
    expect((await exchange(app.port, { method: 'GET', path: requestLinkPath })).status).toBe(405)
    expect((await post(requestLinkPath, { login: 'x' }, [['Origin', 'null']])).status).toBe(403)
  })

  test('without the database, an allowed front end can read the 503 in its language [F7]', async () => {
    await proxy.cut()
    const answer = await post(requestLinkPath, { login: 'x' }, [
      ['Origin', 'https://front.example'],
      ['Accept-Language', 'de'],
    ])
    expect(answer.status).toBe(503)
    expect(answer.json).toEqual({ detail: expect.not.stringMatching(/temporarily/) })
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://front.example',
      'access-control-expose-headers': expect.stringContaining('Retry-After'),
      'content-language': 'de',
    })
  })

  test('without the database, a form without JavaScript is redirected to its page with the error [F7]', async () => {
    const headers: [string, string][] = [
      ['Content-Type', 'application/x-www-form-urlencoded'],
      ['Accept', 'text/html,*/*;q=0.8'],
      ['Origin', 'null'],
      ['Sec-Fetch-Site', 'same-origin'],
    ]
    await proxy.cut()
    const request = await exchange(app.port, { path: requestLinkPath, headers, body: 'login=typed' })
    expect([request.status, request.headers.location]).toEqual([303, '/forgot-password/?error=unavailable'])
    const body = 'user_id=a&timestamp=1&signature=b&password=typed'
    const reset = await exchange(app.port, { path: resetPath, headers, body })
    expect([reset.status, reset.headers.location]).toEqual([
      303,
      '/reset-password/?user_id=a&timestamp=1&signature=b&error=unavailable',
    ])
    for (const { headers: sent } of [request, reset])
      expect((await exchange(app.port, { method: 'GET', path: sent.location! })).status).toBe(200)
  })

  test('if the network loses all packets to the database, both endpoints respond 503 within 15 seconds [F7]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    expect((await post(requestLinkPath, { login: 'nobody' })).status).toBe(200) // opens a connection that is then lost
    proxy.swallow()
    const started = performance.now()
    const answers = await Promise.all([
      post(requestLinkPath, { login: person.username }),
      post(resetPath, { ...link, password: newPassword() }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([503, 503])
    expect(performance.now() - started).toBeLessThan(15_000)
    await proxy.cut()
    await proxy.restore()
    await expectRecovery()
  })
})

describe('a connection that is lost at COMMIT', () => {
  test('a connection that is lost before the COMMIT changes nothing, and the link still works [F7]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const [first, second] = [newPassword(), newPassword()]
    const lost = proxy.cutAtCommit('before')
    const answer = await post(resetPath, { ...link, password: first })
    await lost
    expect(answer.status).toBe(503)
    expect(await app.passwordIs(person, first)).toBe(false)
    expect((await post(resetPath, { ...link, password: second })).status).toBe(200)
    expect(await app.passwordIs(person, second)).toBe(true)
  })

  test('a reset whose connection is lost after the COMMIT gets 503 but is done, and a repetition says so [F7, F8]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    const lost = proxy.cutAtCommit('after')
    const answer = await post(resetPath, { ...link, password })
    await lost
    expect(answer.status).toBe(503)
    await expect.poll(() => app.passwordIs(person, password)).toBe(true)
    const again = await post(resetPath, { ...link, password: newPassword() })
    expect([again.status, again.json]).toEqual([400, { detail: 'Invalid signature', code: 'signature-used' }])
    await app.sink.next(person.email, 40_000)
    expect(app.sink.countTo(person.email)).toBe(1)
  })
})

test('a client that disconnects within its body causes no processing and no error in the log [R9]', async () => {
  const before = app.output().length
  const socket = await open(app.port)
  const head = [
    `POST ${requestLinkPath} HTTP/1.1`,
    'Host: id.example.com',
    'Content-Type: application/json',
    'Content-Length: 100',
    'Expect: 100-continue',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  await receive(socket, { until: /100 Continue/ })
  socket.write('{"login":')
  socket.resetAndDestroy()
  // A later request that is logged: a line about the first one would come before it.
  const lines = Array.from({ length: 100 }, (_, n): [string, string] => [`X-${n}`, '1'])
  expect((await post(resetPath, {}, lines)).status).toBe(431)
  const newOutput = () => app.output().slice(before)
  await expect.poll(newOutput, { timeout: 10_000 }).toContain('"reason":"large-headers"')
  expect(newOutput()).not.toMatch(/service_unavailable|request_failed|body_cut_off/)
})
