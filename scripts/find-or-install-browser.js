import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright'

/** The headless shell comes first, because it has no browser window and so takes much less processor time. */
const names = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'microsoft-edge',
]

/** Finds Playwright's own Chromium. @returns {string | undefined} */
function own() {
  const file = chromium.executablePath()
  return existsSync(file) ? file : undefined
}

/** @returns {string | undefined} */
function fromSystem() {
  const dirs = (process.env.PATH ?? '').split(path.delimiter)
  const mac = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ]
  return [...names.flatMap((name) => dirs.map((dir) => path.join(dir, name))), ...mac].find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
  console.log(`Installing a browser: ${command} ${args.join(' ')}`)
  return (
    spawnSync(command, args, {
      stdio: 'inherit',
      timeout: 600_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0
  )
}

/** Installs Playwright's Chromium; if that fails, as root with apt-get, the Chromium of Debian. */
function install() {
  if (
    run(process.execPath, ['node_modules/playwright/cli.js', 'install', 'chromium', '--only-shell']) &&
    own()
  )
    return
  if (process.getuid?.() !== 0) return
  try {
    execFileSync('apt-get', ['--version'], { stdio: 'ignore' })
  } catch {
    return
  }
  if (!run('apt-get', ['update', '-q'])) return
  for (const name of ['chromium-headless-shell', 'chromium'])
    if (run('apt-get', ['install', '-y', '-q', '--no-install-recommends', name, 'fonts-dejavu-core'])) return
}

/** Returns BROWSER_PATH, else the path of a Chromium, which is installed if needed. @returns {string} @throws {Error} if that fails */
export function findOrInstallBrowser() {
  const found = process.env.BROWSER_PATH || own() || fromSystem()
  if (found) return found
  install()
  const installed = own() || fromSystem()
  if (installed) return installed
  throw new Error(
    'The browser tests need Chromium: install it with your package manager (`apt-get install chromium`) or `npx playwright install chromium`, or name one in BROWSER_PATH.',
  )
}
