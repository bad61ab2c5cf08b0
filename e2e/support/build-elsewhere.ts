import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const sources = ['app', 'client', 'components', 'emails', 'lib', 'messages', 'prisma', 'scripts']
const files = [
  'next.config.js',
  'package.json',
  'postcss.config.js',
  'rekey.config.ts',
  'services.ts',
  'tsconfig.json',
]

/** Builds the pages for another path in a new directory, which the caller removes. @throws Error with the output of the build */
export function buildUnderPath(publicUrl: string): string {
  const directory = copySources()
  symlinkSync(path.resolve('dist'), path.join(directory, 'dist'))
  build(directory, 'await buildPages()', { PUBLIC_URL: publicUrl })
  return directory
}

/**
 * Builds everything with another `rekey.config.ts` in a new directory, which the caller removes.
 *
 * @param names the files to copy from the directory `configuration`
 * @throws Error with the output of a build that failed
 */
export function buildWithConfiguration(configuration: string, names: string[]): string {
  const directory = copySources()
  cpSync('server', path.join(directory, 'server'), { recursive: true })
  for (const name of names) cpSync(path.join(configuration, name), path.join(directory, name))
  build(directory, 'await compile(); await buildPages()')
  rmSync(path.join(directory, 'server'), { recursive: true })
  return directory
}

function copySources(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-build-'))
  for (const name of [...sources, ...files]) cpSync(name, path.join(directory, name), { recursive: true })
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'))
  // Turbopack resolves nothing outside of its root, and node_modules is a link to another directory.
  renameSync(path.join(directory, 'next.config.js'), path.join(directory, 'next.config.own.js'))
  writeFileSync(
    path.join(directory, 'next.config.js'),
    `import configure from './next.config.own.js'
     export default async (phase) => {
       const config = await configure(phase)
       return { ...config, turbopack: { ...config.turbopack, root: '/' } }
     }`,
  )
  return directory
}

/** @param script JavaScript that calls functions of `scripts/build.js` */
function build(directory: string, script: string, env: Record<string, string> = {}): void {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `import { buildPages, compile } from './scripts/build.js'; ${script}`],
    { cwd: directory, encoding: 'utf8', env: { ...process.env, ...env } },
  )
  if (status !== 0) throw new Error(`The build failed (${JSON.stringify(env)}):\n${stdout}${stderr}`)
}
