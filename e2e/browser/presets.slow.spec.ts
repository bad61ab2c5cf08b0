import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { test as base } from 'playwright/test'
import { accountsOf } from '@/e2e/peers/accounts-by-preset'
import { mappings, type PresetName } from '@/e2e/peers/mappings'
import { createPeerDatabase } from '@/e2e/peers/peer-database'
import { isAvailable } from '@/e2e/peers/product'
import { reach } from '@/e2e/peers/access'
import { expect, heading, passwordField } from '@/e2e/support/browser/journey'
import { writtenMessages } from '@/e2e/support/browser/messages'
import { requestLink, savePassword } from '@/e2e/support/browser/steps'
import { buildWithConfiguration } from '@/e2e/support/build-elsewhere'
import { newPassword, startApp } from '@/e2e/support/running-app'

// The steps of docs/users-tables.md. One build has all presets, and a variable chooses one.

const says = writtenMessages.en
const schema = 'shop'

const test = base.extend<object, { directory: string }>({
  directory: [
    async ({}, provide) => {
      const directory = buildWithConfiguration('e2e/peers', ['rekey.config.ts', 'mappings.ts'])
      await provide(directory)
      rmSync(directory, { recursive: true, force: true })
    },
    { scope: 'worker', timeout: 600_000 },
  ],
})

for (const [n, preset] of (Object.keys(mappings) as PresetName[]).entries()) {
  const way = n % 2 === 0 ? 'under row-level security' : 'through a view'
  test.describe(`${preset}, ${way}`, () => {
    const { product, open } = accountsOf[preset]
    // `.ci/run` has a server, installs the products, and names one that cannot be installed.
    test.skip(() => !isAvailable(product), `${product} is not installed, or there is no server`)

    test(`an account of ${preset}, ${way}, gets a new password in the browser and logs in with that alone [W2, W6, W11]`, async ({
      page,
      directory,
    }) => {
      const peer = await createPeerDatabase()
      const accounts = await open(peer, schema)
      const reached = await reach(peer.database, peer.sql, mappings[preset](schema), way)
      const { table, username, password } = reached.users
      const env = { DATABASE_URL: reached.url, PEER_PRESET: preset, PEER_TABLE: table }
      try {
        const account = await accounts.add()
        expect(prove(directory, env, account)).toContain('Production may start.')
        const app = await startApp({ cwd: directory, database: peer.database, ownsUsers: false, env })
        try {
          const [login, field] = username
            ? [account.username, says.request.field]
            : [account.email, 'Email address']
          await requestLink(page, says, login, { at: `${app.url}/forgot-password/`, field })
          const { link } = await app.sink.next(account.email)
          await page.goto(link!)
          await expect(heading(page)).toHaveText(says.reset.title)
          await expect(page.getByRole('main')).toContainText(login)
          const rules = `minlength: 15; maxlength: ${password.format.limit?.count ?? 256};`
          await expect(passwordField(page, says)).toHaveAttribute('passwordrules', new RegExp(rules))
          const fresh = `ﬁve ½ ${newPassword()}`
          await savePassword(page, says, fresh)
          expect(await accounts.signsIn(account, fresh)).toBe(true)
          expect(await accounts.signsIn(account, account.password)).toBe(false)
          await page.goto(link!)
          await expect(heading(page)).toHaveText(says.dead.used)
        } finally {
          await app.stop()
        }
      } finally {
        accounts.product.stop()
        await reached.close()
        await peer.close()
      }
    })
  })
}

function prove(
  cwd: string,
  env: Record<string, string>,
  { email, password }: { email: string; password: string },
): string {
  const script = [path.join('scripts', 'run.js'), 'accounts', 'check', email, '--password-stdin']
  const { stdout, stderr } = spawnSync(process.execPath, script, {
    cwd,
    env: { PATH: process.env.PATH, ...env } as unknown as NodeJS.ProcessEnv,
    input: `${password}\n`,
    encoding: 'utf8',
  })
  return stdout + stderr
}
