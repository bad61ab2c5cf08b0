import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDnsServer } from '@/e2e/support/dns-server'
import { startMailSink } from '@/e2e/support/mail-sink'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { startScriptedMailServer } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { createTestDatabase, testServer } from '@/e2e/support/test-database'
import { migrate } from '@/lib/setup/migrate'

// `npm run doctor` on a sound installation, and on one with each trouble.

type Finding = { check: string; status: string; message: string; advice?: string }
type Dns = Awaited<ReturnType<typeof startDnsServer>>

const records = {
  'rekey.example': ['v=spf1 -all'],
  's1._domainkey.rekey.example': ['v=DKIM1; p=MII'],
  '_dmarc.rekey.example': ['v=DMARC1; p=reject'],
}
let app: RunningApp
let dns: Dns
beforeAll(async () => {
  app = await startApp({ env: { LIMIT_REQUESTS_PER_CLIENT: '1/10m' } })
  dns = await startDnsServer(records)
}, 120_000)
afterAll(async () => {
  dns?.close()
  await app?.stop()
})

const settings = (): Record<string, string> => ({
  SECRET_KEY: app.secret,
  DATABASE_URL: app.database.url,
  REKEY_SHARED_SESSION: app.database.sharedSession ? 'yes' : '',
  PUBLIC_URL: app.url,
  SMTP_URL: app.sink.url,
  VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
  SUPPORT_EMAIL: 'help@rekey.example',
})

/** Runs the command; `findings` are those of `--json`. */
async function doctor(env: Record<string, string> = {}, ...args: string[]) {
  const resolver = args.includes('--resolver') ? [] : ['--resolver', dns.address]
  const child = spawn(process.execPath, ['scripts/run.js', 'doctor', ...args, ...resolver], {
    env: { PATH: process.env.PATH, ...settings(), ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  const findings = args.includes('--json') ? (JSON.parse(output) as { findings: Finding[] }).findings : []
  return { code: code as number, output, errors, findings }
}

/** The lines that are not well, by check. */
async function troublesOf(env: Record<string, string> = {}, ...args: string[]) {
  const { code, findings } = await doctor(env, '--json', ...args)
  const unwell = findings.filter(({ status }) => status !== 'ok')
  return { code, unwell: Object.fromEntries(unwell.map((finding) => [finding.check, finding])) }
}

test('a sound installation has a line for each check, none of them trouble, and the exit code says so', async () => {
  await expect
    .poll(async () => (await app.sql.query('SELECT FROM rekey.metric_processes')).rowCount, {
      timeout: 20_000,
    })
    .toBeGreaterThanOrEqual(2)
  const { code, output, errors } = await doctor()
  expect([code, errors]).toEqual([0, ''])
  const lines = output.trimEnd().split('\n')
  for (const check of [
    'settings',
    'database',
    'database.role',
    'database.clock',
    'database.isolation',
    'database.pooler',
    'users',
    'processes.web',
    'processes.worker',
    'emails',
    'queue.link-email',
    'flood',
    'mail',
    'sender.spf',
    'sender.dkim',
    'sender.dmarc',
    'address',
    'address.proxies',
  ])
    expect(lines.filter((line) => line.split(/ +/)[1] === check)).toHaveLength(1)
  expect(output).not.toContain('TROUBLE')
}, 60_000)

test('a wrong password of the mail server, and a certificate that is not accepted, are named', async () => {
  const server = await startScriptedMailServer({
    EHLO: '250-scripted\r\n250 AUTH PLAIN LOGIN',
    AUTH: '535 5.7.8 no',
  })
  const password = randomBytes(12).toString('hex')
  const url = `smtp://rekey:${password}@127.0.0.1:${server.port}?ignoreTLS=true`
  const { code, unwell } = await troublesOf({ SMTP_URL: url })
  server.close()
  expect([code, unwell.mail]).toMatchObject([1, { status: 'trouble' }])
  expect(unwell.mail!.message).toContain('authentication')
  expect(unwell.mail!.advice).toContain('user name and password in SMTP_URL')
  expect(JSON.stringify(unwell)).not.toContain(password)

  const sink = await startMailSink({ certificate: makeSelfSignedCertificate('localhost') })
  const certificate = await troublesOf({ SMTP_URL: sink.url })
  await sink.close()
  expect([certificate.code, certificate.unwell.mail?.message]).toEqual([
    1,
    expect.stringContaining('certificate'),
  ])
}, 90_000)

test('a sender without SPF, and clocks that differ, are named', async () => {
  const bare = await startDnsServer({ 'other.example': ['x'] })
  // Ten minutes ago, by this command's clock.
  const script = 'const now = Date.now; Date.now = () => now() - 600000'
  const shift = `data:text/javascript,${encodeURIComponent(script)}`
  const { code, unwell } = await troublesOf({ NODE_OPTIONS: `--import=${shift}` }, '--resolver', bare.address)
  bare.close()
  expect(code).toBe(1)
  expect(unwell['sender.spf']).toMatchObject({ status: 'trouble' })
  expect(unwell['sender.dkim']).toMatchObject({ status: 'warning' })
  expect(unwell['sender.dmarc']).toMatchObject({ status: 'warning' })
  expect(unwell['database.clock']).toMatchObject({ status: 'warning' })
  expect(unwell['database.clock']!.message).toMatch(/60\d\.\d s ahead of/)
}, 60_000)

test('a wrong number of proxies, an address where nothing or another service answers, and another secret are named', async () => {
  const behind = await startApp({
    database: app.database,
    sink: app.sink,
    env: { TRUSTED_PROXY_HOPS: '1', WORKER: 'off', SECRET_KEY: app.secret },
  })
  const { unwell } = await troublesOf({ PUBLIC_URL: behind.url })
  await behind.stop()
  expect(unwell['address.proxies']).toMatchObject({ status: 'trouble' })
  expect(unwell['address.proxies']!.message).toContain('TRUSTED_PROXY_HOPS is 1')
  expect((await troublesOf({ PUBLIC_URL: behind.url })).unwell.address).toMatchObject({ status: 'trouble' })
  const other = randomBytes(32).toString('base64url')
  expect((await troublesOf({ SECRET_KEY: other })).unwell.address!.message).toContain(
    'not as this installation',
  )
}, 90_000)

test('a flood that the limits refuse is named', async () => {
  let flooding = true
  const flood = (async () => {
    while (flooding) await app.post('send-reset-password-link', { login: 'x' })
  })()
  const { unwell } = await troublesOf()
  flooding = false
  await flood
  expect(unwell.flood).toMatchObject({ status: 'warning' })
}, 60_000)

test.skipIf(!testServer || pgbouncer === undefined)(
  'a pooler in transaction mode is named',
  async () => {
    const pooler = await startPgBouncer(testServer!)
    const { code, unwell } = await troublesOf({
      DATABASE_URL: pooler.url(new URL(app.database.url).pathname.slice(1)),
    })
    await pooler.stop()
    expect([code, unwell['database.pooler']?.status]).toEqual([0, 'warning'])
  },
  60_000,
)

test('without a worker, and without reports of any process, it is named; nothing is written to the database', async () => {
  const database = await createTestDatabase()
  await migrate(database)
  const env = { DATABASE_URL: database.url, REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '' }
  expect((await troublesOf(env)).unwell.processes!.message).toContain('No process has reported')
  await app.sql.query('SELECT 1')
  const { Client } = (await import('pg')).default
  const sql = new Client({ connectionString: database.url })
  await sql.connect()
  await sql.query(
    `INSERT INTO rekey.metric_processes ("id", "kind", "report") VALUES (gen_random_uuid(), 'web', 1)`,
  )
  const rows = async () =>
    (
      await sql.query(`SELECT query_to_xml('SELECT * FROM rekey.metric_processes, rekey.metrics, rekey.limits, rekey.audit', true, true, '')::text,
      query_to_xml('SELECT * FROM rekey_queue.job', true, true, '')::text, query_to_xml('SELECT * FROM rekey.mail_state', true, true, '')::text,
      (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE relname <> 'metric_processes') AS "written"`)
    ).rows
  const before = await rows()
  const { unwell } = await troublesOf(env)
  expect(unwell['processes.worker']).toMatchObject({ status: 'trouble' })
  expect(await rows()).toEqual(before)
  await sql.end()
  await database.drop()
}, 60_000)

test('an away database and wrong settings are told in a line each, and the other checks go on', async () => {
  const password = randomBytes(12).toString('hex')
  const away = await doctor({ DATABASE_URL: `postgresql://rekey:${password}@127.0.0.1:9/rekey` }, '--json')
  expect(away.code).toBe(1)
  const status = (check: string) => away.findings.find((finding) => finding.check === check)?.status
  expect([
    status('database'),
    status('queue'),
    status('mail'),
    status('sender.spf'),
    status('address'),
  ]).toEqual(['trouble', 'trouble', 'ok', 'ok', 'ok'])
  expect(away.output).not.toContain(password)
  const weak = await doctor({ SECRET_KEY: 'short', SMTP_URL: 'http://x' })
  expect(weak.code).toBe(1)
  expect(
    weak.output
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ +/, 2).join(' ')),
  ).toEqual(['TROUBLE settings', 'TROUBLE settings'])
}, 60_000)

test('L3: neither secrets nor tokens are in what it prints', async () => {
  const token = randomBytes(32).toString('base64url')
  const { output, errors } = await doctor({ METRICS_TOKEN: token, HEALTH_TOKEN: `${token}x` })
  for (const secret of [app.secret, token]) expect(output + errors).not.toContain(secret)
}, 60_000)

test('one test email goes where it is told to, and wrong options end with 2', async () => {
  const { code, findings } = await doctor({}, '--json', '--send-to', 'operator@rekey.example')
  expect([code, findings.find(({ check }) => check === 'mail.test')?.status]).toEqual([0, 'ok'])
  expect((await app.sink.next('operator@rekey.example')).mail.subject).toBe('Test of the mail settings')
  const wrong = await doctor({}, '--nonsense')
  expect([wrong.code, wrong.output]).toEqual([2, ''])
  expect(wrong.errors).toContain('Usage: npm run doctor')
}, 60_000)
