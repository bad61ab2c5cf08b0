// Builds the database client (Prisma), the code outside Next (esbuild), and the pages (Next).
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { loadConfiguration } from './load-configuration.js'
import { runScriptToEnd } from './stop-signals.js'

/** A new file in these folders can be a new page. */
const pageFolders = ['app', 'client', 'components', 'lib', 'messages']
const pageFiles = [
  'next.config.js',
  'package-lock.json',
  'postcss.config.js',
  'rekey.config.ts',
  'services.ts',
  'tsconfig.json',
]
/** Sources that esbuild does not report. */
const codeFiles = ['package-lock.json', 'prisma/schema.prisma', 'tsconfig.json']

/** The stamp is a JSON object of the build's sources and their digests. */
const stampOf = (/** @type {string} */ directory) => path.join(directory, '.sources')

/** @param {string} file @returns {string | null} null if the file does not exist */
const digestOf = (file) =>
  existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null

/** @param {string[]} files @returns {Record<string, string | null>} */
const digestsOf = (files) => Object.fromEntries(files.map((file) => [file, digestOf(file)]))

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
    // The stamp may be truncated.
    return undefined
  }
}

/** Whether the code outside Next was compiled from the current sources. */
export function isServerCodeCurrent(directory = 'dist') {
  const stamp = readStamp(directory)
  return stamp !== undefined && isDeepStrictEqual(stamp, digestsOf(Object.keys(stamp)))
}

/** Whether the code outside Next and the pages are built from the current sources. */
export const isBuildCurrent = () =>
  isServerCodeCurrent() && isDeepStrictEqual(readStamp('.next'), digestsOf(pageSources()))
/** Whether there is a build, even of older sources. */
export const hasBuild = () =>
  existsSync('dist/server/processes/supervisor.js') && existsSync('.next/BUILD_ID')
/** False in a container image. */
export const hasSources = () => existsSync('server/processes/supervisor.ts')

/** Builds for production. @throws Error with the type errors in a team's own code, before an existing build is changed */
export async function build() {
  await generateDatabaseClient()
  await checkTypes()
  await bundle('dist')
  await loadConfiguration('dist')
  await buildPages()
}

/** Compiles the code outside Next without checking types. */
export async function compile(directory = 'dist') {
  await generateDatabaseClient()
  await bundle(directory)
}

async function checkTypes() {
  const { code, output } = await runScriptToEnd('scripts/check-types.js', [], { quiet: true })
  if (code !== 0)
    throw new Error(`${output}Nothing was built: correct these lines, then run \`npm run build\`.`)
}

async function bundle(/** @type {string} */ directory) {
  // Not imported at the top, because `npm start` would wait for it.
  const esbuild = await import('esbuild')
  rmSync(stampOf(directory), { force: true })
  const { metafile } = await esbuild.build({
    entryPoints: [
      'server/processes/supervisor.ts',
      'server/processes/web-process.ts',
      'server/processes/worker-process.ts',
      'server/processes/worker-command.ts',
      'scripts/accounts.ts',
      'scripts/demo.ts',
      'scripts/doctor.ts',
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

export async function buildPages() {
  rmSync(stampOf('.next'), { force: true })
  await run('node_modules/next/dist/bin/next', ['build'], { NODE_ENV: 'production' })
  writeFileSync(stampOf('.next'), JSON.stringify(digestsOf(pageSources())))
}

/** Prisma would download an engine that `generate` does not use, unless PRISMA_SCHEMA_ENGINE_BINARY names an existing file. */
export async function generateDatabaseClient() {
  mkdirSync('dist', { recursive: true })
  await run(
    'node_modules/prisma/build/index.js',
    ['generate', '--no-hints'],
    { PRISMA_SCHEMA_ENGINE_BINARY: path.resolve('package.json') },
    true,
  )
}

/** @param {string} script @param {string[]} args @param {Record<string, string>} env @param {boolean} [quiet] hides output of a success */
async function run(script, args, env, quiet = false) {
  const { code, output } = await runScriptToEnd(script, args, {
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CHECKPOINT_DISABLE: '1', ...env },
    quiet,
  })
  if (code !== 0)
    throw new Error(`${output}\`${path.basename(script)} ${args.join(' ')}\` failed with exit code ${code}.`)
}
