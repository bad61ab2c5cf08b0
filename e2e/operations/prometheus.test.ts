import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPrometheus, startPrometheus, type Prometheus } from '@/e2e/support/prometheus'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'

type Panel = { title: string; targets: { expr: string }[] }
const { panels } = JSON.parse(readFileSync('docs/grafana.json', 'utf8')) as { panels: Panel[] }
const alerts = readFileSync('docs/alerts.yml', 'utf8')
const named = (text: string) => new Set([...text.matchAll(/\brekey_\w+/g)].map(([name]) => name))

describe.skipIf(!hasPrometheus)('a Prometheus that scrapes Rekey', () => {
  const token = randomBytes(32).toString('base64url')
  let app: RunningApp
  let prometheus: Prometheus
  beforeAll(async () => {
    app = await startApp({ env: { METRICS_TOKEN: token, WEB_CONCURRENCY: '2' } })
    prometheus = await startPrometheus(`127.0.0.1:${app.port}`, token)
    const person = await app.addPerson()
    const link = await app.linkFor(person)
    await app.post('reset-password', { ...link, password: newPassword() })
    await app.sink.next(person.email)
  }, 120_000)
  afterAll(async () => {
    await prometheus?.stop()
    await app?.stop()
  })

  test('Prometheus gets the counts of two web processes and a worker [L7]', async () => {
    await expect
      .poll(async () => (await prometheus.query('sum(rekey_emails_sent_total)'))[0]?.value[1], {
        timeout: 30_000,
      })
      .toBe('2')
  })

  test.each(panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr])))(
    'the panel %s of the dashboard has data: %s [L7]',
    async (_, expression) => {
      const query = () => prometheus.query(expression.replaceAll('$__rate_interval', '30s'))
      await expect.poll(async () => (await query()).length, { timeout: 10_000 }).toBeGreaterThan(0)
      for (const { value } of await query()) expect(Number.isFinite(Number(value[1]))).toBe(true)
    },
  )

  test('every metric in the alerts exists, and Prometheus evaluates each rule without an alert [L7]', async () => {
    for (const name of named(alerts))
      expect([name, (await prometheus.query(name)).length]).not.toEqual([name, 0])
    type Rules = { groups: { rules: { name: string; health: string; state: string }[] }[] }
    const evaluated = async () =>
      ((await prometheus.api('rules')) as Rules).groups.flatMap(({ rules }) => rules)
    await expect
      .poll(async () => (await evaluated()).filter(({ health }) => health !== 'ok').map(({ name }) => name))
      .toEqual([])
    expect((await evaluated()).filter(({ state }) => state === 'firing')).toEqual([])
  })

  test('promtool accepts the format of the metrics [L7]', async () => {
    const response = await fetch(`${app.url}/api/metrics`, { headers: { Authorization: `Bearer ${token}` } })
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await response.text(),
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })
})

describe.skipIf(!hasPrometheus)('tests of the alerts', () => {
  test('each alert fires in its trouble, and no alert fires without a trouble [L7]', () => {
    const run = (...args: string[]) => execFileSync('promtool', args, { encoding: 'utf8' })
    expect(run('check', 'rules', 'docs/alerts.yml')).toContain('SUCCESS')
    expect(run('test', 'rules', 'docs/alerts.test.yml')).toContain('SUCCESS')
  })
})

test('each alert has a test, a severity and an action [L7]', () => {
  const tests = readFileSync('docs/alerts.test.yml', 'utf8')
  const all = alerts.split('- alert: ').slice(1)
  expect(all.length).toBeGreaterThan(10)
  for (const rule of all) {
    const name = rule.split('\n', 1)[0]!
    expect(tests).toContain(`alertname="${name}"`)
    expect(rule).toMatch(/severity: (critical|warning|info)/)
    expect(rule).toMatch(/^ +action: .{20}/m)
  }
})
