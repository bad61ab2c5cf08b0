import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, request as forward, type Server } from 'node:http'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { spawnSync } from 'node:child_process'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { firingAlerts } from '@/e2e/support/alert-rules'
import { copiedSources } from '@/e2e/support/copied-sources'
import { startDnsServer } from '@/e2e/support/dns-server'
import { runDoctor, settingsOf, notOkOf, type Examination } from '@/e2e/support/doctor'
import { startMailSink } from '@/e2e/support/mail-sink'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { hasPrometheus } from '@/e2e/support/prometheus'
import { freePort, startApp, type RunningApp } from '@/e2e/support/running-app'
import { samplesOf, scrape } from '@/e2e/support/scrapes'
import { startScriptedMailServer } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { maySmallDisk, startSmallDiskServer } from '@/e2e/support/small-disk-server'
import {
  createMigratedDatabase,
  createTestDatabase,
  testServer,
  type TestDatabase,
} from '@/e2e/support/test-database'
import { readTroubles } from '@/e2e/support/trouble-table'
import { defaultSchemaNames } from '@/lib/config/schema-names'

// The troubles of the table in docs/operations.md, with the doctor, the metric and the alert.

const token = randomBytes(32).toString('base64url')
const troubles = readTroubles()
const planted = new Set<string>()
const sound = {
  'rekey.example': ['v=spf1 -all'],
  's1._domainkey.rekey.example': ['v=DKIM1; p=MII'],
  '_dmarc.rekey.example': ['v=DMARC1; p=reject'],
}
let dns: Awaited<ReturnType<typeof startDnsServer>>
beforeAll(async () => void (dns = await startDnsServer(sound)))
afterAll(() => dns.close())

type Samples = Record<string, number>
const samplesFrom = async ({ url }: { url: string }): Promise<Samples> =>
  samplesOf(await scrape(`${url}/api/metrics`, { Authorization: `Bearer ${token}` }))

async function until(app: { url: string }, series: string, is: (value: number) => boolean): Promise<Samples> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const samples = await samplesFrom(app)
    if (series in samples && is(samples[series]!)) return samples
    if (performance.now() > deadline) throw new Error(`${series} is ${samples[series]}.`)
    await pause(200)
  }
}

/** Makes the failure of emails two minutes older, because a failure counts as a stop after a minute. */
async function stoppedLongAgo({ sql }: RunningApp): Promise<void> {
  const earlier = `UPDATE rekey.mail_state SET "failing_since" = "failing_since" - interval '2 minutes'
    WHERE "failing_since" IS NOT NULL`
  while ((await sql.query(earlier)).rowCount === 0) await pause(200)
}

const examine = (app: RunningApp, env: Record<string, string> = {}, cwd?: string, resolver = dns.address) =>
  runDoctor({ ...settingsOf(app), ...env }, ['--json', '--resolver', resolver], cwd)

function expectReported(
  trouble: string,
  {
    examined,
    before,
    after,
    since,
  }: { examined: Examination; before: Samples; after: Samples; since: number },
) {
  const row = troubles.find((one) => one.trouble === trouble)
  expect(row, trouble).toBeDefined()
  const { check, metric, alert } = row!
  expect(Object.keys(notOkOf(examined))).toContain(check)
  const sum = (samples: Samples) =>
    Object.entries(samples).reduce((all, [series, value]) => (matches(series, metric) ? all + value : all), 0)
  expect(sum(after)).not.toBe(sum(before))
  expect(firingAlerts(before, after, (performance.now() - since) / 1000)).toContain(alert)
  planted.add(trouble)
}

function matches(series: string, metric: string): boolean {
  const [name, labels = ''] = metric.split(/[{}]/)
  return series.split('{')[0] === name && labels.split(',').every((label) => series.includes(label))
}

function startProxy(port: number, to: number): Server {
  return createServer((request, response) => {
    const headers = { ...request.headers, 'x-forwarded-for': '192.0.2.7' }
    const onward = forward({ port: to, path: request.url, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  }).listen(port, '127.0.0.1')
}

async function during<Result>(
  app: Pick<RunningApp, 'post'>,
  headers: Record<string, string>,
  work: Promise<Result>,
): Promise<Result> {
  let isRunning = true
  const requests = (async () => {
    while (isRunning) {
      await app.post('send-reset-password-link', { login: 'nobody' }, headers)
      await pause(20)
    }
  })()
  const result = await work
  isRunning = false
  await requests
  return result
}

describe.runIf(testServer && pgbouncer && hasPrometheus)('the ten troubles of the operations page', () => {
  test.concurrent(
    'doctor, metric and alert report nothing at first, then a flood, a wrong number of proxies and a sender without SPF',
    async ({ onTestFinished }) => {
      let rejecting = false
      const mail = await startScriptedMailServer({
        '.': () =>
          rejecting
            ? '550 5.7.26 This mail has been blocked because the sender is unauthenticated'
            : '250 ok',
      })
      const [port, proxied] = [await freePort(), await freePort()]
      const app = await startApp({
        env: {
          PORT: String(port),
          PUBLIC_URL: `http://127.0.0.1:${proxied}`,
          SMTP_URL: `smtp://127.0.0.1:${mail.port}?ignoreTLS=true`,
          METRICS_TOKEN: token,
          LIMIT_REQUESTS_PER_CLIENT: '30/10m',
        },
      })
      onTestFinished(async () => {
        mail.close()
        await app.stop()
      })
      const settings = { SMTP_URL: `smtp://127.0.0.1:${mail.port}?ignoreTLS=true` }
      let since = performance.now()
      let before = await until(app, 'rekey_processes{process="worker"}', (count) => count === 1)
      const peace = await examine(app, settings)
      expect([peace.code, peace.findings.filter(({ status }) => status === 'trouble')]).toEqual([0, []])
      expect(firingAlerts(before, await samplesFrom(app), (performance.now() - since) / 1000)).toEqual([])

      rejecting = true
      since = performance.now()
      const people = await Promise.all(Array.from({ length: 6 }, () => app.addPerson()))
      for (const { username } of people) await app.post('send-reset-password-link', { login: username })
      const rejected = 'rekey_emails_failed_total{kind="link",cause="message"}'
      let after = await until(app, rejected, (count) => count === 6)
      const bare = await startDnsServer({ 'other.example': ['x'] })
      let examined = await examine(app, settings, undefined, bare.address)
      bare.close()
      expectReported('sender without SPF', { examined, before, after, since })
      rejecting = false

      since = performance.now()
      before = after
      examined = await during(app, {}, examine(app, settings))
      after = await until(app, 'rekey_limited_total{limit="requestsPerClient"}', (count) => count > 20)
      expectReported('flood', { examined, before, after, since })

      const proxy = startProxy(proxied, port)
      onTestFinished(() => void proxy.close())
      since = performance.now()
      before = await samplesFrom(app)
      examined = await during(
        app,
        { 'X-Forwarded-For': '192.0.2.7' },
        examine(app, { ...settings, PUBLIC_URL: `http://127.0.0.1:${proxied}` }),
      )
      const refused = 'rekey_requests_refused_total{reason="throttled-proxy"}'
      after = await until(app, refused, (count) => count > 5)
      expectReported('wrong number of proxies', { examined, before, after, since })
    },
    300_000,
  )

  test.concurrent(
    'doctor, metric and alert report a wrong mail password, a pooler in transaction mode and different clocks',
    async ({ onTestFinished }) => {
      const mail = await startScriptedMailServer({
        EHLO: '250-scripted\r\n250 AUTH PLAIN LOGIN',
        AUTH: '535 5.7.8 no',
      })
      const pooler = await startPgBouncer(testServer!)
      const database = await createMigratedDatabase()
      // The clock of the app is ten minutes behind.
      const script = 'const now = Date.now; Date.now = () => now() - 600000'
      const env = {
        DATABASE_URL: pooler.url(new URL(database.url).pathname.slice(1)),
        SMTP_URL: `smtp://rekey:wrong@127.0.0.1:${mail.port}?ignoreTLS=true`,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
      }
      const app = await startApp({ database, env: { ...env, METRICS_TOKEN: token } })
      onTestFinished(async () => {
        mail.close()
        await app.stop()
        await pooler.stop()
        await database.drop()
      })
      const since = performance.now()
      await until(app, 'rekey_queue_polled{process="worker"}', (count) => count === 1)
      await stoppedLongAgo(app)
      const after = await until(app, 'rekey_emails_stopped{cause="authentication"}', (is) => is === 1)
      const examined = await examine(app, env)
      const seen = { examined, before: {}, after, since }
      expectReported('wrong password of the mail server', seen)
      expectReported('pooler in transaction mode', seen)
      expectReported('clocks that differ', seen)
      expect(Math.abs(after.rekey_database_clock_offset_seconds! - 600)).toBeLessThan(5)
    },
    300_000,
  )

  test.concurrent(
    'doctor, metric and alert report a missing worker',
    async ({ onTestFinished }) => {
      const env = { WORKER: 'off' }
      const app = await startApp({ env: { ...env, METRICS_TOKEN: token } })
      onTestFinished(async () => void (await app.stop()))
      const since = performance.now()
      const after = await until(app, 'rekey_processes{process="web"}', (count) => count === 1)
      const before = { ...after, 'rekey_processes{process="worker"}': 1 }
      expectReported('no worker', { examined: await examine(app, env), before, after, since })
    },
    300_000,
  )

  test.concurrent(
    'doctor, metric and alert report an expired certificate of the mail server and a broken users mapping',
    async ({ onTestFinished }) => {
      const certificate = makeSelfSignedCertificate('localhost', { expired: true })
      const sink = await startMailSink({ certificate })
      const database = await createTestDatabase()
      const sql = new pg.Client({ connectionString: database.url })
      await sql.connect()
      await sql.query(readFileSync('scripts/demo-users/django.sql', 'utf8'))
      await sql.end()
      const folder = djangoBuild()
      const authority = path.join(folder, 'authority.pem')
      writeFileSync(authority, certificate.cert)
      const env = { SMTP_URL: sink.url, SMTP_CA_FILE: authority, USERS_TABLE_PROOF: 'waived' }
      const app = await startApp({ database, sink, cwd: folder, env: { ...env, METRICS_TOKEN: token } })
      onTestFinished(async () => {
        await app.stop()
        await sink.close()
        await database.drop()
        rmSync(folder, { recursive: true, force: true })
      })
      let since = performance.now()
      await stoppedLongAgo(app)
      let after = await until(app, 'rekey_emails_stopped{cause="certificate"}', (is) => is === 1)
      let examined = await examine(app, env, folder)
      expectReported('certificate not accepted, expired', { examined, before: {}, after, since })
      expect(notOkOf(examined).mail!.message).toContain('CERT_HAS_EXPIRED')
      const ofUsers = ({ findings }: Examination) =>
        findings.filter(({ check, status }) => check === 'users' && status === 'trouble')
      expect(ofUsers(examined)).toEqual([])

      await app.sql.query('ALTER TABLE auth_user RENAME COLUMN email TO mail')
      since = performance.now()
      const before = after
      for (let times = 0; times < 5; times += 1)
        await app.post('send-reset-password-link', { login: `ada-${times}` })
      after = await until(app, 'rekey_job_errors_total{queue="link-request"}', (count) => count >= 5)
      examined = await examine(app, env, folder)
      expectReported('users mapping broken', { examined, before, after, since })
      expect(ofUsers(examined)[0]!.message).toContain('email')
    },
    300_000,
  )

  test.runIf(maySmallDisk).concurrent(
    'doctor, metric and alert report a full disk of the database',
    async ({ onTestFinished }) => {
      const server = await startSmallDiskServer()
      const database: TestDatabase = {
        url: server.url,
        schemas: defaultSchemaNames,
        kind: 'server',
        sharedSession: false,
        drop: () => Promise.resolve(server.stop()),
      }
      const app = await startApp({ database, env: { METRICS_TOKEN: token } })
      onTestFinished(async () => {
        await app.stop()
        server.stop()
      })
      const since = performance.now()
      const before = await samplesFrom(app)
      server.fill()
      const request = () => app.post('send-reset-password-link', { login: 'nobody' })
      while ((await request()).status === 200) await pause(20)
      expect((await request()).status).toBe(503)
      const after = await until(app, 'rekey_last_write_seconds', (age) => age > 15)
      expect(after.rekey_database_up).toBe(1)
      const examined = await examine(app)
      expectReported('disk of the database full', { examined, before, after, since })
      expect(notOkOf(examined)['database.writes']!.message).toContain('53100')
      server.empty()
      expect((await request()).status).toBe(200)
      await until(app, 'rekey_last_write_seconds', (age) => age < 12)
    },
    300_000,
  )

  test('the tests of this file have caused every trouble of the table', () => {
    const left = maySmallDisk ? [] : ['disk of the database full']
    expect([...planted, ...left].sort()).toEqual(troubles.map(({ trouble }) => trouble).sort())
  })
})

/** Returns a folder with the build and, as an image, no sources. */
function djangoBuild(): string {
  const folder = copiedSources()
  writeFileSync(
    path.join(folder, 'rekey.config.ts'),
    `import { defineConfig } from '@/lib/password-reset/extension-points'
import { django } from '@/lib/accounts/presets/django'
export default defineConfig({ users: django({ version: '5.2' }) })
`,
  )
  const build = pathToFileURL(path.resolve(folder, 'scripts/build.js')).href
  const compiled = spawnSync(process.execPath, ['-e', `(await import('${build}')).compile('dist')`], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (compiled.status !== 0) throw new Error(compiled.stderr)
  for (const sources of ['server', 'app', 'lib']) rmSync(path.join(folder, sources), { recursive: true })
  symlinkSync(path.resolve('.next'), path.join(folder, '.next'))
  return folder
}
