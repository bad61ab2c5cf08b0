// Plain JavaScript, because it runs before the build.
import './stop-signals.js'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { basePathOf, builtBasePath } from './base-path.js'
import { build, compile, hasBuild, hasSources, isBuildCurrent, isServerCodeCurrent } from './build.js'
import { loadEnvFile } from './env-file.js'
import { takeUsersOption } from './demo-users/users-option.js'
import { loadConfiguration } from './load-configuration.js'
import { watchParents } from './watch-parents.js'

/** `needs`: `pages` builds everything if it is outdated, `code` everything but the pages. `built` fails without a current build. */
const commands = {
  demo: { entry: 'scripts/demo', needs: 'pages', mode: 'demo', users: true },
  dev: { entry: 'scripts/demo', needs: 'code', mode: 'dev', users: true },
  start: { entry: 'server/processes/supervisor', needs: 'built', mode: 'production' },
  worker: { entry: 'server/processes/worker-command', needs: 'built', mode: 'production' },
  migrate: { entry: 'scripts/migrate', needs: 'code' },
  accounts: { entry: 'scripts/accounts', needs: 'code', users: true },
  doctor: { entry: 'scripts/doctor', needs: 'code' },
  build: { needs: 'pages' },
}

const [name = ''] = process.argv.slice(2)
const command = commands[/** @type {keyof typeof commands} */ (name)]

/** @param {string} message */
function fail(message) {
  console.error(message)
  process.exit(1)
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 13)) {
  fail(
    `Rekey needs Node.js 22.13 or newer; this is ${process.versions.node}. \`npm ci\` installs its own on Linux.`,
  )
}
if (command === undefined)
  fail(`Unknown command "${name}"; the commands are ${Object.keys(commands).join(', ')}.`)

watchParents(name)
const envFile = loadEnvFile('.env', process.env)
for (const note of envFile.notes) console.error(note)
if (envFile.problems.length > 0)
  fail(
    ['Rekey cannot start: its settings need attention.', ...envFile.problems.map((p) => `  - ${p}`)].join(
      '\n',
    ),
  )
// Before React is loaded, which chooses its code by NODE_ENV.
process.env.NODE_ENV = command.mode === 'dev' ? 'development' : 'production'
process.env.NEXT_TELEMETRY_DISABLED = '1'
if ('mode' in command) process.env.REKEY_MODE = command.mode
delete process.env.REKEY_DEMO_USERS
if ('users' in command) readUsersOption()

function readUsersOption() {
  try {
    const product = takeUsersOption(process.argv)
    if (product === undefined) return
    // The database of DATABASE_URL may already have tables of these names.
    if (process.env.DATABASE_URL?.trim())
      fail('--users has a database of its own: run this command without DATABASE_URL.')
    process.env.REKEY_DEMO_USERS = product
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
}

const isForAnotherPath = () => builtBasePath() !== basePathOf(process.env.PUBLIC_URL)

let directory = 'dist'
try {
  if (command.needs === 'built') {
    if (!hasBuild()) fail('There is no build to serve; run `npm run build` first.')
    if (hasSources() && !isBuildCurrent()) fail('The sources changed since the build; run `npm run build`.')
  }
  if (command.needs === 'code' && hasSources() && !isServerCodeCurrent()) {
    // Not to `dist`, from which a running service may restart its processes.
    directory = 'dist/dev'
    if (!isServerCodeCurrent(directory)) await compile(directory)
  }
  if (command.needs === 'pages' && (name === 'build' || !isBuildCurrent() || isForAnotherPath())) {
    await build()
  }
  // Otherwise Node would print the message of an error in the team's code, which may quote a secret.
  if ('entry' in command) await loadConfiguration(directory)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}

if ('entry' in command) {
  process.argv.splice(1, 2, name)
  await import(pathToFileURL(path.resolve(directory, `${command.entry}.js`)).href)
} else {
  // The build loaded the team's code, which may have opened connections.
  process.exit(0)
}
