// Each option limits the pictures to one value or a list of values; `--out` names another directory:
//   npm run screenshots -- --lang ar,ja --state the-request-form,email-link --size 320 --scheme light,dark --out pictures
import { runScriptToEnd } from './stop-signals.js'
import { parseArgs } from 'node:util'
import { build, isBuildCurrent } from './build.js'
import { findOrInstallBrowser } from './find-or-install-browser.js'

const text = /** @type {const} */ ({ type: 'string' })
const { values } = parseArgs({ options: { lang: text, state: text, size: text, scheme: text, out: text } })

if (!isBuildCurrent()) await build()
const { code } = await runScriptToEnd(
  'node_modules/playwright/cli.js',
  ['test', '--config', 'e2e/support/screenshots.config.ts'],
  {
    env: { ...process.env, BROWSER_PATH: findOrInstallBrowser(), REKEY_SCREENSHOTS: JSON.stringify(values) },
  },
)
process.exitCode = code ?? 1
