import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

type Locked = {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
  inBundle?: boolean
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  allowScripts: Record<string, boolean>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, Locked>
}
const locked = Object.entries(packages).filter(([path]) => path !== '')

const atLeast = (version: string, floor: string) => version.localeCompare(floor, 'en', { numeric: true }) >= 0

test('every installed copy of Next and nodemailer has the fixes of the known vulnerabilities [C17, C19, K4]', () => {
  for (const [name, floor] of [
    ['next', '16.3.3'],
    ['nodemailer', '9.0.5'],
  ] as const) {
    // Packages may contain copies of their own.
    const copies = locked.filter(([path]) => path.endsWith(`node_modules/${name}`))
    expect(copies.length).toBeGreaterThan(0)
    for (const [path, { version }] of copies) expect([path, atLeast(version!, floor)]).toEqual([path, true])
  }
})

test('every dependency has an exact version [K4]', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  for (const [name, version] of Object.entries({
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies,
  })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
  }
})

test('every package in the lock file has a digest and comes from the registry [K4]', () => {
  for (const [path, { integrity, resolved, link, inBundle }] of locked) {
    expect(link, path).toBeUndefined()
    // A bundled package is covered by the digest of its parent.
    if (!inBundle) expect(integrity, path).toMatch(/^sha512-/)
    if (resolved !== undefined) expect(resolved, path).toMatch(/^https:\/\/registry\.npmjs\.org\//)
  }
})

test('every package with an install script is listed by name, and no script may run [K4]', () => {
  const withScripts = locked
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.split('node_modules/').at(-1)!)
  for (const name of new Set(withScripts)) expect(Object.keys(manifest.allowScripts), name).toContain(name)
  expect(Object.values(manifest.allowScripts)).not.toContain(true)
  // An npm without `allowScripts` follows this setting.
  expect(readFileSync('.npmrc', 'utf8').split('\n')).toContain('ignore-scripts=true')
})

test('npm makes a bill of materials from the lock file, with all dependencies of production [K4]', () => {
  // Without `--omit=dev`, because npm 11 then also omits packages that both kinds of dependencies use, such as esbuild.
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--offline', '--no-update-notifier']
  const bill = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 64 << 20 })) as {
    bomFormat: string
    components: { name: string; version: string; hashes?: { alg: string }[] }[]
  }
  expect(bill.bomFormat).toBe('CycloneDX')
  const listed = bill.components.map(({ name, version }) => `${name}@${version}`)
  for (const [name, version] of Object.entries(manifest.dependencies))
    expect(listed).toContain(`${name}@${version}`)
  const hashed = bill.components.filter(({ hashes }) => hashes?.some(({ alg }) => alg === 'SHA-512'))
  expect(hashed.length).toBeGreaterThan(bill.components.length * 0.95)
}, 180_000)
