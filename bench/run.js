// Plain JavaScript, because it runs before the build.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as esbuild from 'esbuild'
import { build, isBuildCurrent } from '../scripts/build.js'
import { runScriptToEnd } from '../scripts/stop-signals.js'

const peers = 'bench/peers'
const stamp = `${peers}/.next/.sources`

function peerSources() {
  const files = readdirSync(peers, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(js|jsx|json)$/.test(name) && !/^(node_modules|\.next)\//.test(name))
    .sort()
  const hash = createHash('sha256')
  for (const name of files) hash.update(name).update(readFileSync(path.join(peers, name)))
  return hash.digest('hex')
}

/** @param {string} file @returns {{ dependencies: Record<string, string> }} */
const manifest = (file) => JSON.parse(readFileSync(file, 'utf8'))

/** @param {[name: string, version: string]} dependency */
function isInstalled([name, version]) {
  const file = `${peers}/node_modules/${name}/package.json`
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === version
}

/** @throws Error if the peers' Next, React or pg has another version than Rekey's, because a comparison would mislead */
async function buildPeers() {
  const [own, theirs] = [manifest('package.json'), manifest(`${peers}/package.json`)]
  for (const name of ['next', 'react', 'react-dom', 'pg']) {
    if (own.dependencies[name] !== theirs.dependencies[name])
      throw new Error(`${peers}/package.json must have the same version of ${name} as package.json.`)
  }
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === peerSources()) return
  if (!Object.entries(theirs.dependencies).every(isInstalled)) {
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', peers]
    const { status } = spawnSync('npm', ['ci', ...options], { stdio: 'inherit' })
    if (status !== 0) throw new Error('The packages of the peers could not be installed.')
  }
  const env = { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }
  const { code } = await runScriptToEnd(`${peers}/node_modules/next/dist/bin/next`, ['build', peers], { env })
  if (code !== 0) throw new Error('The peers could not be built.')
  writeFileSync(stamp, peerSources())
}

/** Programs are separate scripts, so that the processor time of each can be measured. */
async function bundle() {
  await esbuild.build({
    entryPoints: [
      'bench/bench.ts',
      ...readdirSync('bench/programs')
        .filter((name) => !name.includes('.test.'))
        .map((name) => `bench/programs/${name}`),
    ],
    outdir: 'dist/bench',
    outbase: 'bench',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    packages: 'external',
    logLevel: 'warning',
  })
}

try {
  if (!isBuildCurrent()) await build()
  await buildPeers()
  await bundle()
  const { code } = await runScriptToEnd('dist/bench/bench.js', process.argv.slice(2))
  process.exit(code ?? 1)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
