// `npm run test:long -- lib/http` runs only the long tests whose path contains that text. Results: docs/long-runs.md.
import { runScriptToEnd } from './stop-signals.js'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { build, generateDatabaseClient, isBuildCurrent } from './build.js'
import { findOrInstallBrowser } from './find-or-install-browser.js'
import { parsePlaywrightReport, parseVitestReport, formatFailures } from './report.js'

/** @import { Result } from './report.js' */

const wanted = process.argv.slice(2)
const files = globSync(
  '{app,client,components,e2e,emails,lib,messages,prisma,scripts,server}/**/*.{test,spec}.ts',
)
  .filter((file) => /support\/long-form|browser\/journey-variants/.test(readFileSync(file, 'utf8')))
  // Timing tests need the machine for themselves: docs/timing.md.
  .filter((file) => !file.includes('parity'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
const specs = files.filter((file) => file.endsWith('.spec.ts'))
const tests = files.filter((file) => file.endsWith('.test.ts'))
const results = path.resolve('test-results', 'long')

if (files.length === 0) {
  console.error('No test of that name has a long form.')
  process.exit(1)
}
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })
await generateDatabaseClient()
if (files.some((file) => file.startsWith('e2e')) && !isBuildCurrent()) {
  await build()
}

/** @type {string[]} */
const lines = []
/** @type {string[]} */
const failures = []

/**
 * @param {string} script @param {string[]} args @param {string} report the path of the report that the runner writes
 * @param {(report: any) => [file: string, result: Result, milliseconds: number][]} read
 */
async function run(script, args, report, read) {
  const { code } = await runScriptToEnd(script, args, {
    env: {
      ...process.env,
      REKEY_LONG: '1',
      NEXT_TELEMETRY_DISABLED: '1',
      PLAYWRIGHT_JSON_OUTPUT_FILE: report,
      ...(specs.length > 0 && { BROWSER_PATH: findOrInstallBrowser({ whole: true }) }),
    },
  })
  if (code !== 0) failures.push(`${path.basename(report, '.json')}: exit code ${code}`)
  if (!existsSync(report)) return
  for (const [file, result, ms] of read(JSON.parse(readFileSync(report, 'utf8')))) {
    lines.push(`${file}: ${result.passed} passed, ${result.failed} failed, ${Math.round(ms / 1000)} s`)
    failures.push(...result.failures)
  }
}

if (tests.length > 0) {
  const report = path.join(results, 'vitest.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  await run(
    'node_modules/vitest/vitest.mjs',
    ['run', ...tests, '--maxWorkers=2', ...reporters],
    report,
    ({ testResults }) =>
      testResults.map((/** @type {any} */ file) => [
        path.relative('.', file.name),
        parseVitestReport({ testResults: [file] }),
        file.endTime - file.startTime,
      ]),
  )
}
for (const spec of specs) {
  const report = path.join(results, `${path.basename(spec)}.json`)
  await run('node_modules/playwright/cli.js', ['test', spec], report, (parsed) => [
    [spec, parsePlaywrightReport(parsed), parsed.stats.duration],
  ])
}

if (failures.length > 0) console.log(formatFailures(failures))

console.log(`\nLong forms, ${new Date().toISOString().slice(0, 10)}`)
for (const line of lines) console.log(line)
process.exit(failures.length > 0 ? 1 : 0)
