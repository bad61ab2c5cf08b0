// Finds or installs a Chromium for the browser tests.
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge']

/** Returns the path of Playwright's own Chromium, if it is installed. @returns {string | undefined} */
function own() {
  const file = chromium.executablePath()
  return existsSync(file) ? file : undefined
}

/** Returns the path of a browser of the system that is based on Chromium, if there is one. @returns {string | undefined} */
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

/** Runs a command of an installation, and returns whether it succeeded. @param {string} command @param {string[]} args */
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

/** Installs Playwright's Chromium; if that fails and this user may install packages, the Chromium of Debian. */
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
  if (run('apt-get', ['update', '-q']))
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'])
}

/**
 * Returns the path of a browser: that of BROWSER_PATH, else an installed one. Installs one if there is none.
 *
 * @returns {string}
 * @throws {Error} one line that says what to install, if installing fails
 */
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
