import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '@/e2e/support/run-command'
import { startApp, type RunningApp } from '@/e2e/support/running-app'

// The app has no worker, so that a request waits.

const token = randomBytes(32).toString('base64url')

/** Processes check every half minute; here every half second. */
const oftener = `data:text/javascript,${encodeURIComponent(
  'const set = setInterval; globalThis.setInterval = (f, ms, ...of) => set(f, ms === 30000 ? 500 : ms, ...of)',
)}`
let app: RunningApp
beforeAll(async () => {
  app = await startApp({
    env: {
      WORKER: 'off',
      HEALTH_TOKEN: token,
      WEB_CONCURRENCY: '2',
      NODE_OPTIONS: `--import=${oftener}`,
    },
  })
}, 120_000)
afterAll(() => app?.stop())

const health = (headers: Record<string, string> = {}, path = '/api/health/mail', method = 'GET') =>
  fetch(`${app.url}${path}`, { method, headers })
const withToken = { Authorization: `Bearer ${token}` }

const accountsMail = (...args: string[]) =>
  runCommand(['accounts', 'mail', ...args], { DATABASE_URL: app.database.url })

test('the mail health check rejects requests without the token or with a wrong one [V6]', async () => {
  for (const headers of [
    {},
    { Authorization: 'Bearer' },
    { Authorization: `Bearer ${token}x` },
    { Authorization: `Bearer ${token.slice(1)}` },
    { Authorization: `Basic ${token}` },
    { Authorization: token },
    { 'X-Health-Token': token },
  ] as Record<string, string>[]) {
    const response = await health(headers)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await response.json()).toEqual({ detail: 'A bearer token is needed.' })
  }
  expect((await health({}, `/api/health/mail?token=${token}`)).status).toBe(401)
  expect((await health(withToken, undefined, 'POST')).status).toBe(405)
})

test('with the token, the mail health check says that nothing is wrong, and caches and other origins get nothing [V6]', async () => {
  const response = await health({ ...withToken, Origin: 'https://front.example' })
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
  expect(await response.json()).toEqual({ status: 'ok', workerSeenSeconds: null, oldestRequestSeconds: null })
  expect((await health(withToken, '/api/health/mail/')).status).toBe(200)
  const head = await health(withToken, undefined, 'HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect(await accountsMail()).toMatchObject({
    code: 0,
    output:
      'Nothing is known to be wrong; no email has left yet.\nLast email accepted by the mail server: never.\nWorker last seen: never.\nNo job waits.\n',
  })
})

test('a request that waits without a worker is reported in the log, to monitors and to operators [V6]', async () => {
  const person = await app.addPerson()
  expect((await app.post('send-reset-password-link', { login: person.username })).status).toBe(200)
  await app.sql.query(
    `UPDATE rekey_queue.job SET created_on = now() - interval '70 seconds', start_after = now() - interval '70 seconds'`,
  )
  const lines = () =>
    app
      .output()
      .split('\n')
      .filter((line) => line.includes('"emails_not_leaving"'))
  await expect.poll(() => lines().length, { timeout: 20_000 }).toBe(1)
  const { level, cause, hint, since } = JSON.parse(lines()[0]!) as Record<string, string>
  expect({ level, cause }).toEqual({ level: 'error', cause: 'no-worker' })
  expect(hint).toContain('WORKER=on')

  const response = await health(withToken)
  expect(response.status).toBe(503)
  const report = (await response.json()) as Record<string, unknown>
  expect(report).toMatchObject({ status: 'failing', cause: 'no-worker', hint, workerSeenSeconds: null })
  expect(Math.abs(Date.parse(String(report.since)) - Date.parse(since!))).toBeLessThan(2_000)
  expect(JSON.stringify(report)).not.toContain(person.username)
  expect((await fetch(`${app.url}/api/health/ready`)).status).toBe(200)

  const typed = await accountsMail()
  expect(typed.code).toBe(1)
  expect(typed.output).toMatch(
    /^No email leaves\.\nFailing since \S+Z: no-worker\.\n.*WORKER=on.*\n.*never\.\nWorker last seen: never\.\nJobs that wait: 1, the oldest for [12] minutes?\.\n$/,
  )
  const { code, output } = await accountsMail('--json')
  expect([code, JSON.parse(output)]).toMatchObject([
    1,
    { status: 'failing', cause: 'no-worker', ages: { waiting: 1 } },
  ])
}, 90_000)
