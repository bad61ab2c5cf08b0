import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

type Manifest = { version: string; dependencies: Record<string, string> }

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest

function isInstalled([name, version]: [string, string]): boolean {
  const manifest = `e2e/peers/node_modules/${name}/package.json`
  return existsSync(manifest) && read(manifest).version === version
}

/** Installs the packages of `e2e/peers/package.json`. If that fails, as without a network, tests that need them are skipped. */
export default function installPackages(): void {
  if (Object.entries(read('e2e/peers/package.json').dependencies).every(isInstalled)) return
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', 'e2e/peers']
  spawnSync('npm', ['ci', ...options], { stdio: 'inherit', timeout: 300_000 })
}
