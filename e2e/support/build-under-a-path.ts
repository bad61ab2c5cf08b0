import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** What a build of the pages is made from. */
const sources = ['app', 'client', 'components', 'emails', 'lib', 'messages', 'prisma', 'scripts']
const files = [
  'next.config.js',
  'package.json',
  'postcss.config.js',
  'rekey.config.ts',
  'services.ts',
  'tsconfig.json',
]

/**
 * Builds the pages for another path in a directory of their own, so that the build in `.next` stays as it is. Like an image,
 * the directory has the code outside of Next compiled and lacks its sources; that code knows no path.
 *
 * @returns the directory; the caller removes it
 * @throws Error with the output of a build that failed
 */
export function buildUnderPath(publicUrl: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-path-'))
  for (const name of [...sources, ...files]) cpSync(name, path.join(directory, name), { recursive: true })
  for (const name of ['node_modules', 'dist']) symlinkSync(path.resolve(name), path.join(directory, name))
  // Turbopack resolves nothing outside of its root, and the packages are linked.
  renameSync(path.join(directory, 'next.config.js'), path.join(directory, 'next.config.own.js'))
  writeFileSync(
    path.join(directory, 'next.config.js'),
    `import configure from './next.config.own.js'
     export default async (phase) => {
       const config = await configure(phase)
       return { ...config, turbopack: { ...config.turbopack, root: '/' } }
     }`,
  )
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', "await (await import('./scripts/build.js')).buildPages()"],
    { cwd: directory, encoding: 'utf8', env: { ...process.env, PUBLIC_URL: publicUrl } },
  )
  if (status !== 0) throw new Error(`The build for ${publicUrl} failed:\n${stdout}${stderr}`)
  return directory
}
