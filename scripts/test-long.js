// `npm run test:long`: the tests that have a longer form, in that form and no others. For a night, or before a release;
// what the last run said stands in docs/long-runs.md. `npm run test:long -- lib/inputs` runs those whose path has that.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { buildPages, compile, generate, isBuilt } from './build.js'

const wanted = process.argv.slice(2)
const files = globSync('{app,components,e2e,emails,lib,messages,prisma,scripts,server}/**/*.test.ts')
  .filter((file) => readFileSync(file, 'utf8').includes('world/long-form'))
  // What compares times must have the machine to itself: docs/timing.md says how.
  .filter((file) => !file.includes('parity'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
const results = path.resolve('test-results', 'long.json')

if (files.length === 0) {
  console.error('No test of that name has a longer form.')
  process.exit(1)
}
mkdirSync(path.dirname(results), { recursive: true })
await generate()
if (files.some((file) => file.startsWith('e2e')) && !isBuilt()) {
  await compile()
  await buildPages()
}
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...files,
    '--maxWorkers=2',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
  ],
  { stdio: 'inherit', env: { ...process.env, REKEY_LONG: '1', NEXT_TELEMETRY_DISABLED: '1' } },
)

/** @type {{ testResults: { name: string, startTime: number, endTime: number, status: string, assertionResults: { status: string }[] }[] }} */
const report = JSON.parse(readFileSync(results, 'utf8'))
console.log(`\nLong forms, ${new Date().toISOString().slice(0, 10)}`)
for (const { name, startTime, endTime, assertionResults } of report.testResults) {
  const passed = assertionResults.filter((one) => one.status === 'passed').length
  const failed = assertionResults.filter((one) => one.status === 'failed').length
  const seconds = Math.round((endTime - startTime) / 1000)
  console.log(`${path.relative('.', name)}: ${passed} passed, ${failed} failed, ${seconds} s`)
}
process.exit(status ?? 1)
