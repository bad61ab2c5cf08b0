import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright'

/** Has no browser window, and so takes much less processor time; lacks the clipboard and the password manager. */
const shell = 'chromium-headless-shell'
const browsers = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge']

/** Finds Playwright's own Chromium. @returns {string | undefined} */
function own() {
  const file = chromium.executablePath()
  return existsSync(file) ? file : undefined
}

/** @param {string[]} names @returns {string | undefined} */
function fromSystem(names) {
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

/** Installs Playwright's Chromium; if that fails, as root with apt-get, a package of Debian. @param {string[]} packages the first that exists */
function install(packages) {
  if (run(process.execPath, ['node_modules/playwright/cli.js', 'install', 'chromium']) && own()) return
  if (process.getuid?.() !== 0) return
  try {
    execFileSync('apt-get', ['--version'], { stdio: 'ignore' })
  } catch {
    return
  }
  if (!run('apt-get', ['update', '-q'])) return
  for (const name of packages)
    if (run('apt-get', ['install', '-y', '-q', '--no-install-recommends', name, 'fonts-dejavu-core'])) return
}

/**
 * Returns BROWSER_PATH, else the path of a Chromium, which is installed if needed.
 *
 * @param {{ whole?: boolean }} [options] `whole`: not the headless shell
 * @returns {string}
 * @throws {Error} if no Chromium can be installed
 */
export function findOrInstallBrowser({ whole = false } = {}) {
  const names = whole ? browsers : [shell, ...browsers]
  const found = process.env.BROWSER_PATH || own() || fromSystem(names)
  if (found) return found
  install(whole ? ['chromium'] : [shell, 'chromium'])
  const installed = own() || fromSystem(names)
  if (installed) return installed
  throw new Error(
    'The browser tests need Chromium: install it with your package manager (`apt-get install chromium`) or `npx playwright install chromium`, or name one in BROWSER_PATH.',
  )
}
