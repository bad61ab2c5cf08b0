import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDnsServer } from '@/e2e/support/dns-server'
import { runDoctor, settingsOf, notOkOf } from '@/e2e/support/doctor'
import { startMailSink } from '@/e2e/support/mail-sink'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { startScriptedMailServer } from '@/e2e/support/scripted-mail-server'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { createMigratedDatabase, testServer } from '@/e2e/support/test-database'

// The doctor counts requests for some seconds, so its runs are concurrent.

type Dns = Awaited<ReturnType<typeof startDnsServer>>

const records = {
  'rekey.example': ['v=spf1 -all'],
  's1._domainkey.rekey.example': ['v=DKIM1; p=MII'],
  '_dmarc.rekey.example': ['v=DMARC1; p=reject'],
}
let app: RunningApp
let dns: Dns
beforeAll(async () => {
  ;[app, dns] = await Promise.all([startApp(), startDnsServer(records)])
}, 120_000)
afterAll(async () => {
  dns?.close()
  await app?.stop()
})

const doctor = (env: Record<string, string> = {}, ...args: string[]) =>
  runDoctor(
    { ...settingsOf(app), ...env },
    args.includes('--resolver') ? args : [...args, '--resolver', dns.address],
  )

test.concurrent(
  'the doctor reports each check of a sound installation without a trouble or a secret, and exits with 0 [L3]',
  async ({ expect }) => {
    const reported = async () => (await app.sql.query('SELECT FROM rekey.metric_processes')).rowCount
    await expect.poll(reported, { timeout: 20_000 }).toBeGreaterThanOrEqual(2)
    const token = randomBytes(32).toString('base64url')
    const { code, output, errors } = await doctor({ METRICS_TOKEN: token, HEALTH_TOKEN: `${token}x` })
    expect(output).not.toContain('TROUBLE')
    expect([code, errors]).toEqual([0, ''])
    const lines = output.trimEnd().split('\n')
    for (const check of [
      'settings',
      'database',
      'database.role',
      'database.clock',
      'database.isolation',
      'database.writes',
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
    for (const secret of [app.secret, token]) expect(output).not.toContain(secret)
  },
  60_000,
)

test.concurrent(
  'the doctor reports a wrong mail password, a sender without SPF, different clocks and another secret in one run',
  async () => {
    const server = await startScriptedMailServer({
      EHLO: '250-scripted\r\n250 AUTH PLAIN LOGIN',
      AUTH: '535 5.7.8 no',
    })
    const bare = await startDnsServer({ 'other.example': ['x'] })
    const password = randomBytes(12).toString('hex')
    // The clock of this command is ten minutes behind.
    const script = 'const now = Date.now; Date.now = () => now() - 600000'
    const examined = await doctor(
      {
        SMTP_URL: `smtp://rekey:${password}@127.0.0.1:${server.port}?ignoreTLS=true`,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
        SECRET_KEY: randomBytes(32).toString('base64url'),
      },
      '--json',
      '--resolver',
      bare.address,
    )
    server.close()
    bare.close()
    const notOk = notOkOf(examined)
    expect([examined.code, notOk.mail]).toMatchObject([1, { status: 'trouble' }])
    expect(notOk.mail!.message).toContain('authentication')
    expect(notOk.mail!.advice).toContain('user name and password in SMTP_URL')
    expect(examined.output).not.toContain(password)
    expect(notOk['sender.spf']).toMatchObject({ status: 'trouble' })
    expect(notOk['sender.dkim']).toMatchObject({ status: 'warning' })
    expect(notOk['sender.dmarc']).toMatchObject({ status: 'warning' })
    expect(notOk['database.clock']).toMatchObject({ status: 'warning' })
    expect(notOk['database.clock']!.message).toMatch(/60\d\.\d s ahead of/)
    expect(notOk.address!.message).toContain('not as this installation')
  },
  60_000,
)

test.concurrent(
  'the doctor reports a missing worker, a wrong number of proxies, a flood and a pooler in transaction mode in one run',
  async () => {
    const flooded = await startApp({
      env: { TRUSTED_PROXY_HOPS: '1', WORKER: 'off', LIMIT_REQUESTS_PER_CLIENT: '1/10m' },
    })
    const pooler = testServer && pgbouncer ? await startPgBouncer(testServer) : undefined
    const name = new URL(flooded.database.url).pathname.slice(1)
    let flooding = true
    const flood = (async () => {
      while (flooding) {
        await flooded.post('send-reset-password-link', { login: 'x' }, { 'X-Forwarded-For': '192.0.2.1' })
        await pause(50)
      }
    })()
    const settings = {
      ...settingsOf(flooded),
      WORKER: 'off',
      ...(pooler && { DATABASE_URL: pooler.url(name) }),
    }
    const examined = await doctor(settings, '--json')
    flooding = false
    await flood
    await pooler?.stop()
    await flooded.stop()
    const notOk = notOkOf(examined)
    expect([examined.code, notOk['processes.worker']?.status]).toEqual([1, 'trouble'])
    expect(notOk['processes.worker']!.advice).toContain('npm run worker')
    expect(notOk['address.proxies']).toMatchObject({ status: 'trouble' })
    expect(notOk['address.proxies']!.message).toContain('TRUSTED_PROXY_HOPS is 1')
    expect(notOk.flood).toMatchObject({ status: 'warning' })
    expect(notOk['database.pooler']?.status).toBe(pooler && 'warning')
  },
  90_000,
)

test.concurrent(
  'the doctor reports a database that is down and two bad certificates, and continues with the other checks',
  async () => {
    const sink = await startMailSink({ certificate: makeSelfSignedCertificate('localhost') })
    const expired = makeSelfSignedCertificate('localhost', { expired: true })
    const proxy = createServer(expired).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const authority = path.join(tmpdir(), `rekey-authority-${randomBytes(6).toString('hex')}.pem`)
    writeFileSync(authority, expired.cert)
    const password = randomBytes(12).toString('hex')
    const { code, output, findings } = await doctor(
      {
        DATABASE_URL: `postgresql://rekey:${password}@127.0.0.1:9/rekey`,
        SMTP_URL: sink.url,
        PUBLIC_URL: `https://localhost:${(proxy.address() as AddressInfo).port}`,
        NODE_EXTRA_CA_CERTS: authority,
      },
      '--json',
    )
    await sink.close()
    proxy.close()
    rmSync(authority)
    const of = (check: string) => findings.find((finding) => finding.check === check)
    const checks = ['database', 'queue', 'mail', 'address', 'sender.spf']
    expect([code, ...checks.map((check) => of(check)?.status)]).toEqual([
      1,
      'trouble',
      'trouble',
      'trouble',
      'trouble',
      'ok',
    ])
    expect(of('mail')!.message).toContain('certificate')
    expect(of('address')!.message).toContain('CERT_HAS_EXPIRED')
    expect(output).not.toContain(password)
  },
  60_000,
)

test.concurrent(
  'the doctor reports each wrong setting in its own line, and exits with 2 for wrong options',
  async () => {
    const weak = await doctor({ SECRET_KEY: 'short', SMTP_URL: 'http://x' })
    expect(weak.code).toBe(1)
    const lines = weak.output.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ +/, 2).join(' '))).toEqual([
      'TROUBLE settings',
      'TROUBLE settings',
    ])
    const wrong = await doctor({}, '--nonsense')
    expect([wrong.code, wrong.output]).toEqual([2, ''])
    expect(wrong.errors).toContain('Usage: npm run doctor')
  },
  60_000,
)

test.concurrent(
  'the doctor changes no row, reports that no process has run, and sends one test email to the given address',
  async () => {
    const database = await createMigratedDatabase()
    const sql = new pg.Client({ connectionString: database.url })
    await sql.connect()
    const all = ['metric_processes', 'metrics', 'limits', 'audit', 'mail_state'].map(
      (name) => `rekey.${name}`,
    )
    const stored = [...all, 'rekey_queue.job'].map(
      (name) => `query_to_xml('SELECT * FROM ${name}', true, true, '')::text`,
    )
    const rows = async () => (await sql.query(`SELECT ${stored.join(' || ')} AS "rows"`)).rows
    const before = await rows()
    const env = { DATABASE_URL: database.url, REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '' }
    const examined = await doctor(env, '--json', '--send-to', 'operator@rekey.example')
    expect(await rows()).toEqual(before)
    await sql.end()
    await database.drop()
    expect(notOkOf(examined).processes!.message).toContain('No process has reported')
    expect(examined.findings.find(({ check }) => check === 'mail.test')?.status).toBe('ok')
    expect((await app.sink.next('operator@rekey.example')).mail.subject).toBe('Test of the mail settings')
  },
  60_000,
)
