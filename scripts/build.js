// Builds what runs: the generated database client, everything outside Next (esbuild), the pages (Next).
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as esbuild from 'esbuild'
import { loadConfiguration } from './load-configuration.js'
import { runScript } from './stop-signals.js'

const rooms = ['app', 'components', 'emails', 'lib', 'messages', 'prisma', 'scripts', 'server']
const files = ['next.config.js', 'package-lock.json', 'postcss.config.js', 'rekey.config.ts', 'tsconfig.json']
/** Where a directory of built code says what it was made from. */
const stampOf = (/** @type {string} */ directory) => path.join(directory, '.sources')

/** A digest of everything that a build is made from. */
function sources() {
  const digest = createHash('sha256')
  /** @param {string} at */
  const visit = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = path.join(at, entry.name)
      if (file === path.join('prisma', 'client') || entry.name.includes('.test.')) continue
      if (entry.isDirectory()) visit(file)
      else digest.update(file).update('\0').update(readFileSync(file)).update('\0')
    }
  }
  rooms.filter((room) => existsSync(room)).forEach(visit)
  files.filter((file) => existsSync(file)).forEach((file) => digest.update(file).update(readFileSync(file)))
  return digest.digest('hex')
}

/** @param {string[]} directories */
function areFresh(...directories) {
  const now = sources()
  return directories.map(stampOf).every((stamp) => existsSync(stamp) && readFileSync(stamp, 'utf8') === now)
}

export const isCompiled = (directory = 'dist') => areFresh(directory)
export const isBuilt = () => areFresh('dist', '.next')
export const hasBuild = () => existsSync('dist/server/supervisor.js') && existsSync('.next/BUILD_ID')
/** An image may hold a build without the sources it was made from. */
export const hasSources = () => existsSync('server/supervisor.ts')

/**
 * All that production runs.
 *
 * @throws Error that names file and line of each mistake in a team's own code, before anything is built
 */
export async function build() {
  await generate()
  await checkTypes()
  await bundle('dist')
  await loadConfiguration('dist')
  await buildPages()
}

/** Everything outside Next, without a check of its types: for commands that are run after each edit. */
export async function compile(directory = 'dist') {
  await generate()
  await bundle(directory)
}

async function checkTypes() {
  const { code, output } = await runScript('scripts/check-types.js', [], { quiet: true })
  if (code !== 0)
    throw new Error(`${output}Nothing was built: correct these lines, then run \`npm run build\`.`)
}

async function bundle(/** @type {string} */ directory) {
  rmSync(stampOf(directory), { force: true })
  await esbuild.build({
    entryPoints: [
      'server/supervisor.ts',
      'server/web-process.ts',
      'server/worker.ts',
      'server/worker-start.ts',
      'scripts/accounts.ts',
      'scripts/demo.ts',
      'scripts/migrate.ts',
      'rekey.config.ts',
    ],
    outdir: directory,
    outbase: '.',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    packages: 'external',
    jsx: 'automatic',
    sourcemap: 'linked',
    logLevel: 'warning',
  })
  writeFileSync(stampOf(directory), sources())
}

/** The pages and handlers, to `.next/`. */
export async function buildPages() {
  rmSync(stampOf('.next'), { force: true })
  await run('node_modules/next/dist/bin/next', ['build'], { NODE_ENV: 'production' })
  writeFileSync(stampOf('.next'), sources())
}

/**
 * Prisma's client. Its generator wants to download an engine that it then does not use; naming any existing file
 * keeps it from that.
 */
export async function generate() {
  mkdirSync('dist', { recursive: true })
  await run(
    'node_modules/prisma/build/index.js',
    ['generate', '--no-hints'],
    { PRISMA_SCHEMA_ENGINE_BINARY: path.resolve('package.json') },
    true,
  )
}

/**
 * @param {string} script
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @param {boolean} [quiet] whether output is shown only when the command fails
 */
async function run(script, args, env, quiet = false) {
  const { code, output } = await runScript(script, args, {
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CHECKPOINT_DISABLE: '1', ...env },
    quiet,
  })
  if (code !== 0)
    throw new Error(`${output}\`${path.basename(script)} ${args.join(' ')}\` failed with exit code ${code}.`)
}
