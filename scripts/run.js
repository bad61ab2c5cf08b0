// The entry point of npm scripts: `node scripts/run.js <command> …`. Plain JavaScript, because it runs before the build.
import './stop-signals.js'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { basePathOf, builtBasePath } from './base-path.js'
import { build, compile, hasBuild, hasSources, isBuilt, isCompiled } from './build.js'
import { loadEnvFile } from './env-file.js'
import { takeUsersOption } from './demo-users/users-option.js'
import { loadConfiguration } from './load-configuration.js'
import { watchParents } from './watch-parents.js'

/**
 * `needs` says what must be there before a command runs. `pages`: the whole build, which is made if it is missing, outdated or for
 * another path, and always by `build`. `code`: the code outside Next, which is compiled if it is missing or outdated. `built`: the
 * whole build; without it, the command fails. `users`: whether the command has the option `--users`.
 */
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
// Set before Next or React is loaded, because both read NODE_ENV only once.
process.env.NODE_ENV = command.mode === 'dev' ? 'development' : 'production'
process.env.NEXT_TELEMETRY_DISABLED = '1'
if ('mode' in command) process.env.REKEY_MODE = command.mode
delete process.env.REKEY_DEMO_USERS
if ('users' in command) readUsersOption()

/** Passes the value of `--users`, the product whose tables the demo has, to the command in REKEY_DEMO_USERS. */
function readUsersOption() {
  try {
    const product = takeUsersOption(process.argv)
    if (product === undefined) return
    // The product's tables are created only in a demo's own database: the one of DATABASE_URL may already have such tables.
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
    if (hasSources() && !isBuilt()) fail('The sources changed since the build; run `npm run build`.')
  }
  if (command.needs === 'code' && hasSources() && !isCompiled()) {
    // A running service may restart its worker from `dist` at any time, so edited sources are compiled to another directory.
    directory = 'dist/dev'
    if (!isCompiled(directory)) await compile(directory)
  }
  if (command.needs === 'pages' && (name === 'build' || !isBuilt() || isForAnotherPath())) {
    await build()
  }
  // Before the command loads it: Node would print the message of an error in the team's code, which may quote a secret.
  if ('mode' in command) await loadConfiguration(directory)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}

if ('entry' in command) {
  process.argv.splice(1, 2, name)
  await import(pathToFileURL(path.resolve(directory, `${command.entry}.js`)).href)
} else {
  // The build loaded the team's code: connections that this opened must not keep the process running.
  process.exit(0)
}
