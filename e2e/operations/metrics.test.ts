import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { samplesOf, scrape } from '@/e2e/support/scrapes'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'

const token = randomBytes(32).toString('base64url')
const withToken = { Authorization: `Bearer ${token}` }
let database: TestDatabase
let proxy: DatabaseProxy
let app: RunningApp
beforeAll(async () => {
  database = await createMigratedDatabase()
  proxy = await startDatabaseProxy(database)
  app = await startApp({
    database: proxy.database,
    env: {
      METRICS_TOKEN: token,
      WEB_CONCURRENCY: '2',
      TRUSTED_PROXY_HOPS: '1',
      LIMIT_REQUESTS_PER_LOGIN: '3/10m',
      CORS_ALLOWED_ORIGINS: 'https://front.example',
      VERIFICATION_FROM_EMAIL: 'Rekey <no-reply@rekey.example>',
    },
  })
}, 120_000)
afterAll(async () => {
  await app?.stop()
  await proxy?.close()
  await database?.drop()
})

const metrics = (headers: Record<string, string> = withToken) => scrape(`${app.url}/api/metrics`, headers)
const now = async () => samplesOf(await metrics())

async function untilCounted(expected: Record<string, number>): Promise<void> {
  await expect.poll(now, { timeout: 20_000, interval: 200 }).toMatchObject(expected)
}

test('metrics count requests, limits, links, resets and emails of all processes, and scrapes change no count [L7]', async () => {
  await untilCounted({ 'rekey_processes{process="web"}': 2, 'rekey_processes{process="worker"}': 1 })
  const person = await app.addPerson()
  const others = await Promise.all([1, 2, 3].map(() => app.addPerson()))
  const from = (client: string) => ({ 'X-Forwarded-For': client })
  for (const { username } of others)
    await app.post('send-reset-password-link', { login: username }, from('198.51.100.2'))
  for (let nth = 0; nth < 5; nth += 1)
    await app.post('send-reset-password-link', { login: `nobody-${token}` }, from('198.51.100.3'))
  const link = await app.linkFor(person)
  await fetch(`${app.url}/reset-password/?${new URLSearchParams(link)}`)
  const forged = { ...link, signature: 'A'.repeat(link.signature.length) }
  await fetch(`${app.url}/reset-password/?${new URLSearchParams(forged)}`)
  const password = newPassword()
  expect((await app.post('reset-password', { ...forged, password })).status).toBe(400)
  expect((await app.post('reset-password', { ...link, password: 'short' })).status).toBe(400)
  expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
  expect((await app.post('reset-password', { ...link, password })).status).toBe(400)
  await untilCounted({
    'rekey_requests_total{outcome="accepted"}': 7,
    'rekey_requests_total{outcome="throttled"}': 2,
    'rekey_limited_total{limit="requestsPerLogin"}': 2,
    'rekey_links_inspected_total{purpose="reset",outcome="valid"}': 1,
    'rekey_links_inspected_total{purpose="reset",outcome="signature-invalid"}': 1,
    'rekey_resets_total{outcome="changed"}': 1,
    'rekey_resets_total{outcome="password-rejected"}': 1,
    'rekey_resets_total{outcome="signature-invalid"}': 1,
    'rekey_resets_total{outcome="signature-used"}': 1,
    'rekey_bad_signatures_total{at="inspect"}': 1,
    'rekey_bad_signatures_total{at="reset"}': 1,
    'rekey_emails_sent_total{kind="link"}': 4,
    'rekey_emails_sent_total{kind="changed"}': 1,
    'rekey_emails_failed_total{kind="link",cause="recipient"}': 0,
  })
  const counters = ({ text }: { text: string }) =>
    text.split('\n').filter((line) => /^rekey_\w+_total/.test(line))
  const first = counters(await metrics())
  expect(first.length).toBeGreaterThan(80)
  for (let times = 0; times < 20; times += 1) expect(counters(await metrics())).toEqual(first)
})

test('metrics count rejected and deferred emails by cause, and show jobs that wait [L7]', async () => {
  const [refused, deferred] = [await app.addPerson(), await app.addPerson()]
  app.sink.refuse = { code: 550, text: '5.1.1 no such user' }
  await app.post('send-reset-password-link', { login: refused.username })
  await untilCounted({ 'rekey_emails_failed_total{kind="link",cause="recipient"}': 1 })
  app.sink.refuse = { code: 451, text: '4.7.1 try again later' }
  await app.post('send-reset-password-link', { login: deferred.username })
  await untilCounted({
    'rekey_emails_deferred_total{kind="link",cause="recipient"}': 1,
    'rekey_jobs{queue="link-email",state="retrying"}': 1,
  })
  app.sink.refuse = undefined
  await app.sql.query(
    `UPDATE rekey_queue.job SET "created_on" = "created_on" - interval '100 seconds' WHERE "state" = 'retry'`,
  )
  await expect
    .poll(async () => (await now())['rekey_oldest_job_seconds{queue="link-email"}'], { timeout: 20_000 })
    .toBeGreaterThan(99)
  // Its next attempt would change the counts of a later test.
  await app.sql.query(`DELETE FROM rekey_queue.job WHERE "state" = 'retry'`)
})

test('no metric contains a login, an address, a client, an account or a link [L7]', async () => {
  const { 'rekey_emails_sent_total{kind="changed"}': changed = 0 } = await now()
  const person = await app.addPerson({ username: 'canary-username', email: 'canary@zoes-host.example' })
  const link = await app.linkFor(person)
  await app.post(
    'reset-password',
    { ...link, password: newPassword() },
    { 'X-Forwarded-For': '203.0.113.77' },
  )
  await app.sink.next(person.email)
  await untilCounted({ 'rekey_emails_sent_total{kind="changed"}': changed + 1 })
  const { text } = await metrics()
  for (const personal of [
    'canary',
    'zoes-host',
    '203.0.113',
    person.id,
    link.signature,
    link.timestamp,
    token,
    app.secret,
  ])
    expect(text).not.toContain(personal)
  const { rows } = await app.sql.query<{ all: string }>(
    `SELECT (SELECT string_agg(m::text, ' ') FROM rekey.metrics m) || (SELECT string_agg(p::text, ' ') FROM rekey.metric_processes p) AS "all"`,
  )
  expect(rows[0]!.all).toContain('requests{outcome')
  expect(rows[0]!.all).not.toMatch(/canary|zoes-host|203\.0\.113|@/)
})

test('while the database is down or silent, scrapes respond in time, and afterwards no count has changed [L7]', async () => {
  const counted = (samples: Record<string, number>) =>
    Object.fromEntries(Object.entries(samples).filter(([series]) => series.includes('_total')))
  // The web processes have reported the ten requests and two resets of the tests above.
  const reported = async () => {
    const samples = await now()
    return [
      samples['rekey_requests_total{outcome="accepted"}'],
      samples['rekey_resets_total{outcome="changed"}'],
    ]
  }
  await expect
    .poll(reported, { timeout: 20_000 })
    .toEqual([
      expect.toSatisfy((requests: number) => requests >= 10),
      expect.toSatisfy((resets: number) => resets >= 2),
    ])
  const before = counted(await now())
  for (const fault of [proxy.cut, () => Promise.resolve(proxy.swallow())]) {
    await fault()
    const began = performance.now()
    for (const answer of await Promise.all([metrics(), metrics(), metrics()]))
      expect([answer.status, samplesOf(answer)]).toEqual([200, { rekey_database_up: 0 }])
    expect(performance.now() - began).toBeLessThan(8_000)
    expect((await fetch(`${app.url}/api/health/live`)).status).toBe(200)
    await proxy.cut()
    await proxy.restore()
    await expect.poll(async () => (await now()).rekey_database_up, { timeout: 30_000 }).toBe(1)
    expect(counted(await now())).toEqual(before)
  }
}, 120_000)

test('scrapes that wait for the database do not slow down requests [L7]', async () => {
  // With one session for all clients, the lock would block nothing.
  if (database.sharedSession) return
  const client = await app.sql.connect()
  try {
    await client.query('BEGIN')
    await client.query('LOCK TABLE rekey.metrics IN ACCESS EXCLUSIVE MODE')
    const scrapes = Promise.all(Array.from({ length: 40 }, () => metrics()))
    const began = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, nth) =>
        app.post(
          'send-reset-password-link',
          { login: `x-${nth}` },
          { 'X-Forwarded-For': `198.51.100.${100 + nth}` },
        ),
      ),
    )
    const took = performance.now() - began
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(took).toBeLessThan(1_500)
    expect((await fetch(`${app.url}/api/health/live`)).status).toBe(200)
    const ended = new Set((await scrapes).map(({ status }) => status))
    expect([...ended].sort()).toEqual([200, 503])
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}, 60_000)

test('the metrics accept the token only as a bearer token of a GET request, and never for another origin [L7]', async () => {
  for (const headers of [
    {},
    { Authorization: `Bearer ${token}x` },
    { Authorization: `Bearer ${token.slice(1)}` },
    { Authorization: `Basic ${token}` },
    { 'X-Metrics-Token': token },
  ] as Record<string, string>[]) {
    const answer = await metrics(headers)
    expect([answer.status, answer.headers['www-authenticate'], answer.text]).toEqual([
      401,
      'Bearer',
      '{"detail":"A bearer token is needed."}',
    ])
  }
  expect((await scrape(`${app.url}/api/metrics?token=${token}`, {})).status).toBe(401)
  expect((await scrape(`${app.url}/api/metrics/`, withToken)).status).toBe(200)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    expect((await fetch(`${app.url}/api/metrics`, { method, headers: withToken })).status).toBe(405)
  const shared = await metrics({ ...withToken, Origin: 'https://front.example' })
  expect(shared.status).toBe(200)
  expect(Object.keys(shared.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  expect(app.output()).not.toContain(token)
})

test('without their settings, the addresses of metrics and mail health respond like unknown addresses [L7, V6]', async () => {
  const plain = await startApp({ env: { WORKER: 'off' }, database, sink: app.sink })
  try {
    const answer = async (name: string) => {
      const response = await fetch(`${plain.url}/api/${name}`, { headers: withToken })
      // Without scripts, which contain the address, and which Next splits differently each time.
      const page = (await response.text()).replaceAll(/<script.*?<\/script>|<link.*?>/gs, '')
      return { status: response.status, page, headers: [...response.headers.keys()] }
    }
    for (const [name, other] of [
      ['metrics', 'metrocs'],
      ['health/mail', 'health/male'],
    ] as const) {
      expect(await answer(name)).toEqual(await answer(other))
      expect((await answer(name)).status).toBe(404)
    }
  } finally {
    await plain.stop()
  }
})
