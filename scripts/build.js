// Builds what runs: the generated database client, everything outside Next (esbuild), the pages (Next).
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as esbuild from 'esbuild'
import { loadConfiguration } from './load-configuration.js'
import { runScript } from './stop-signals.js'

/** What Next may read. A new file there can be a new page. */
const pageFolders = ['app', 'client', 'components', 'lib', 'messages']
const pageFiles = [
  'next.config.js',
  'package-lock.json',
  'postcss.config.js',
  'rekey.config.ts',
  'services.ts',
  'tsconfig.json',
]
/** Read before esbuild: what the database client is generated from, and how modules are resolved. */
const codeFiles = ['package-lock.json', 'prisma/schema.prisma', 'tsconfig.json']

/** Where a directory of built code says what it was made from: a JSON object of files and their digests. */
const stampOf = (/** @type {string} */ directory) => path.join(directory, '.sources')

/** @param {string} file @returns {string | null} null where there is none */
const digestOf = (file) =>
  existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null

/** @param {string[]} files @returns {Record<string, string | null>} */
const digestsOf = (files) => Object.fromEntries(files.map((file) => [file, digestOf(file)]))

/** What the pages are made from: all but tests. */
function pageSources() {
  const found = pageFolders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.includes('.test.'))
    .map((entry) => path.join(entry.parentPath, entry.name))
  return [...found, ...pageFiles].sort()
}

/** @param {string} directory @returns {Record<string, string | null> | undefined} */
function readStamp(directory) {
  const stamp = stampOf(directory)
  if (!existsSync(stamp)) return undefined
  try {
    return JSON.parse(readFileSync(stamp, 'utf8'))
  } catch {
    // Written by another version, or cut short.
    return undefined
  }
}

/** @param {string} directory */
export function isCompiled(directory = 'dist') {
  const stamp = readStamp(directory)
  return stamp !== undefined && isDeepStrictEqual(stamp, digestsOf(Object.keys(stamp)))
}

export const isBuilt = () => isCompiled() && isDeepStrictEqual(readStamp('.next'), digestsOf(pageSources()))
export const hasBuild = () =>
  existsSync('dist/server/processes/supervisor.js') && existsSync('.next/BUILD_ID')
/** An image may hold a build without the sources it was made from. */
export const hasSources = () => existsSync('server/processes/supervisor.ts')

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
  const { metafile } = await esbuild.build({
    entryPoints: [
      'server/processes/supervisor.ts',
      'server/processes/web-process.ts',
      'server/processes/worker-process.ts',
      'server/processes/worker-command.ts',
      'scripts/accounts.ts',
      'scripts/demo.ts',
      'scripts/migrate.ts',
      'rekey.config.ts',
    ],
    outdir: directory,
    outbase: '.',
    metafile: true,
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
  writeFileSync(
    stampOf(directory),
    JSON.stringify(digestsOf([...Object.keys(metafile.inputs), ...codeFiles])),
  )
}

/** The pages and handlers, to `.next/`. */
export async function buildPages() {
  rmSync(stampOf('.next'), { force: true })
  await run('node_modules/next/dist/bin/next', ['build'], { NODE_ENV: 'production' })
  writeFileSync(stampOf('.next'), JSON.stringify(digestsOf(pageSources())))
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
