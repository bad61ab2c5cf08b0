import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readTroubles } from '@/e2e/support/trouble-table'
import { counters, processGauges, scrapeGauges } from '@/lib/metrics/catalogue'

const checks = readdirSync('scripts/doctor')
  .filter((file) => !file.includes('.test.'))
  .map((file) => readFileSync(`scripts/doctor/${file}`, 'utf8'))
  .join('\n')
const alerts = readFileSync('docs/alerts.yml', 'utf8')
const metrics = new Set([
  ...Object.keys(counters).map((name) => `rekey_${name}_total`),
  ...Object.keys({ ...processGauges, ...scrapeGauges }).map((name) => `rekey_${name}`),
])

test('the operations page names an existing line of the doctor, metric and alert for each of ten troubles [L7]', () => {
  const rows = readTroubles()
  expect(rows).toHaveLength(10)
  for (const { check, metric, alert } of rows) {
    expect(checks).toContain(check.startsWith('sender.') ? 'sender.${name}' : `'${check}'`)
    const [name = ''] = /^rekey_\w+/.exec(metric) ?? []
    expect(metrics).toContain(name)
    expect(alerts.split('- alert: ').find((one) => one.startsWith(`${alert}\n`))).toContain(name)
  }
})
