// `npm test -- unit app` runs only these parts. Four parts must be named: `slow`; `timing`, which needs the machine for itself; `peers`,
// which needs other products and a server; and `journeys`, the tests of `browser` that reach the database.
import { runScriptToEnd } from './stop-signals.js'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { buildSecrets, isMadeWithSecrets, noteMadeWithSecrets } from '../e2e/support/build-secrets.js'
import { generateDatabaseClient, isBuildCurrent } from './build.js'
import { findOrInstallBrowser } from './find-or-install-browser.js'
import { parsePlaywrightReport, parseVitestReport, formatFailures } from './report.js'

/** @import { Result } from './report.js' */

const results = path.resolve('test-results', process.env.TEST_DATABASE_URL ? 'server' : 'embedded')
const wanted = process.argv.slice(2)
/** The browser tests that depend on the database. */
const journeys = [
  'damaged-links',
  'mail-scanner',
  'main-journey',
  'cancel-reset',
  'errors',
  'without-javascript',
]
/** The folders of `e2e/` whose tests do not depend on the database, so that `npm test -- app` on a server omits them. */
const anyDatabase = ['http', 'repository']
const appFolders =
  process.env.TEST_DATABASE_URL && wanted.length > 0
    ? readdirSync('e2e')
        .filter((folder) => !anyDatabase.includes(folder))
        .map((folder) => `e2e/${folder}/`)
    : []
/** By default Vitest leaves a core idle. More than four workers would need much memory, because each may run the whole app. */
const cores = Math.min(Math.max(availableParallelism(), 2), 4)
/** The projects whose tests often wait, so that one more worker makes them faster. */
const waiting = ['app', 'slow']
// Tests start many processes with the same code, which Node then need not compile again.
process.env.NODE_COMPILE_CACHE ??= path.resolve('test-results', 'compiled')
/** @param {string} part */
const isWanted = (part) =>
  wanted.length === 0 ? !['slow', 'timing', 'peers', 'journeys'].includes(part) : wanted.includes(part)
const count = { passed: 0, failed: 0 }
/** @type {string[]} */
const failures = []

/** @param {string} title @param {string} script @param {string[]} args @param {Record<string, string>} [env] */
async function run(title, script, args, env = {}) {
  console.log(`\n── ${title}`)
  const start = performance.now()
  const { code } = await runScriptToEnd(script, args, {
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...env },
  })
  console.log(`── ${title}: ${Math.round((performance.now() - start) / 1000)} s`)
  if (code !== 0) failures.push(`${title}: exit code ${code}`)
}

/** @param {string} file may be missing @param {(report: any) => Result} read */
function add(file, read) {
  if (!existsSync(file)) return
  const result = read(JSON.parse(readFileSync(file, 'utf8')))
  count.passed += result.passed
  count.failed += result.failed
  failures.push(...result.failures)
}

/** @param {string} project @param {string} title @param {string[]} [paths] only files whose path has one of these */
async function vitest(project, title, paths = []) {
  const file = path.join(results, `${project}.json`)
  await run(title, 'node_modules/vitest/vitest.mjs', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    `--maxWorkers=${cores + (waiting.includes(project) ? 1 : 0)}`,
    ...paths,
  ])
  add(file, parseVitestReport)
}

/** @param {string} title @param {string} report @param {string[]} args @param {{ whole?: boolean }} [browser] */
async function playwright(title, report, args, browser) {
  const file = path.join(results, `${report}.json`)
  await run(title, 'node_modules/playwright/cli.js', ['test', ...args], {
    BROWSER_PATH: findOrInstallBrowser(browser),
    PLAYWRIGHT_JSON_OUTPUT_FILE: file,
  })
  add(file, parsePlaywrightReport)
}

try {
  rmSync(results, { recursive: true, force: true })
  mkdirSync(results, { recursive: true })
  await generateDatabaseClient()

  // At the same time, because each check keeps about one core busy.
  await Promise.all([
    isWanted('types') && run('types', 'node_modules/typescript/bin/tsc', []),
    isWanted('lint') && run('lint', 'node_modules/eslint/bin/eslint.js', ['--max-warnings', '0', '.']),
    isWanted('lint') &&
      run('format', 'node_modules/prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
  ])
  if (isWanted('unit')) await vitest('unit', 'unit tests')
  if (isWanted('database')) await vitest('database', 'database tests')
  if (isWanted('peers')) await vitest('peers', 'other products on their users tables')

  if (
    ['app', 'slow', 'timing', 'browser', 'journeys'].some(isWanted) &&
    !(isBuildCurrent() && isMadeWithSecrets())
  ) {
    await run('build', 'scripts/run.js', ['build'], buildSecrets)
    if (!isBuildCurrent()) throw new Error('The app cannot be tested without a build.')
    noteMadeWithSecrets()
  }
  if (isWanted('app')) await vitest('app', 'the running app over HTTP and SMTP', appFolders)
  if (isWanted('slow')) await vitest('slow', 'what takes longer')
  if (isWanted('timing')) await vitest('timing', 'response times')
  if (isWanted('browser'))
    await playwright('the running app in a browser', 'browser', [
      '--project',
      'desktop',
      '--project',
      'phone',
    ])
  // Not on the phone, where the journeys reach the database in the same way.
  if (isWanted('journeys'))
    await playwright('the running app in a browser', 'journeys', [...journeys, '--project', 'desktop'])
  if (isWanted('slow'))
    await playwright('what takes longer in a browser', 'slow-browser', ['--project', 'slow'], { whole: true })
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error))
}

if (failures.length > 0) console.log(formatFailures(failures))

console.log(`\n${count.passed} passed, ${count.failed} failed`)
if (failures.length > 0 || count.failed > 0 || count.passed === 0) process.exit(1)
