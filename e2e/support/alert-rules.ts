import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Seconds. A running process reports more often, so only an age above this keeps growing. */
const oldReport = 12

/**
 * The alerts of docs/alerts.yml that fire if the trend between two scrapes continues for half an hour: counters grow, and ages
 * above `oldReport`; other gauges stay. `seconds` is the time between the scrapes.
 */
export function firingAlerts(
  before: Record<string, number>,
  after: Record<string, number>,
  seconds: number,
): string[] {
  const series = Object.entries(after).map(([name, value]) => {
    const step = /^\w+_total/.test(name)
      ? ((value - (before[name] ?? 0)) * 60) / seconds
      : /^\w+_seconds/.test(name) && !name.includes('clock') && value > oldReport
        ? 60
        : 0
    const start = /^\w+_total/.test(name) ? 0 : value
    return `      - { series: '${name}', values: '${start}${step < 0 ? '-' : '+'}${Math.abs(step)}x30' }`
  })
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-alerts-'))
  const file = path.join(dir, 'test.yml')
  writeFileSync(
    file,
    `rule_files: ['${path.resolve('docs/alerts.yml')}']
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - { series: 'up{job="rekey"}', values: '1x30' }
${series.join('\n')}
    promql_expr_test:
      - { expr: 'count by (alertname) (ALERTS{alertstate="firing"})', eval_time: 30m, exp_samples: [] }
`,
  )
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })
  rmSync(dir, { recursive: true })
  // The test above expects no sample, so promtool reports each alert that fires.
  const names = [...`${stdout}${stderr}`.matchAll(/alertname=\W*(\w+)/g)].map(([, name]) => name!)
  if ((status === 0) !== (names.length === 0)) throw new Error(`promtool: ${stdout}${stderr}`)
  return names.sort()
}
