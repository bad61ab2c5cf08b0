import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { counters, processGauges, readGauges } from '@/lib/metrics/catalogue'

const checks = readdirSync('scripts/doctor')
  .filter((file) => !file.includes('.test.'))
  .map((file) => readFileSync(`scripts/doctor/${file}`, 'utf8'))
  .join('\n')
const alerts = readFileSync('docs/alerts.yml', 'utf8')
const metrics = new Set([
  ...Object.keys(counters).map((name) => `rekey_${name}_total`),
  ...Object.keys({ ...processGauges, ...readGauges }).map((name) => `rekey_${name}`),
])
const rows = readFileSync('docs/operations.md', 'utf8')
  .split('\n')
  .filter((line) => / `Rekey\w+` +\|$/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

test('L7: of ten troubles, the operations page names the line of the doctor, the metric and the alert that there are', () => {
  expect(rows).toHaveLength(10)
  for (const [, , check = '', metric = '', alert = ''] of rows) {
    const name = check.replaceAll('`', '')
    expect(checks).toContain(name.startsWith('sender.') ? 'sender.${name}' : `'${name}'`)
    const [first = ''] = /rekey_\w+/.exec(metric) ?? []
    expect(metrics).toContain(first)
    const rule = alerts.split('- alert: ').find((one) => one.startsWith(`${alert.replaceAll('`', '')}\n`))
    expect(rule).toContain(first)
  }
})
