import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test, type Page } from 'playwright/test'
import { freePort, newPassword } from '@/e2e/support/running-app'

// With REKEY_PICTURES, a directory, the test takes the pictures of docs/users-tables.md.

const pictures = process.env.REKEY_PICTURES
test.use({ viewport: { width: 760, height: 560 } })

for (const { product, login, label, name } of [
  { product: 'django', login: 'demo', label: 'Email address or username', name: 'demo' },
  { product: 'better-auth', login: 'demo@example.com', label: 'Email address', name: 'demo@example.com' },
])
  test(`a browser resets a password in the demo with the tables of ${product} [K1, W11]`, async ({
    page,
  }) => {
    test.setTimeout(180_000)
    const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-demo-'))
    const port = await freePort()
    const url = `http://localhost:${port}`
    const demo = spawn(process.execPath, ['scripts/run.js', 'demo', '--users', product], {
      env: { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: String(port) } as unknown as NodeJS.ProcessEnv,
    })
    const take = async (state: string) => {
      if (pictures) await page.screenshot({ path: path.join(pictures, `${product}-${state}.png`) })
    }
    try {
      await untilRunning(demo)
      await page.goto(`${url}/forgot-password/`)
      await page.getByLabel(label).fill(login)
      await take('forgot-password')
      await page.getByRole('main').getByRole('button').first().click()
      await expect(page).toHaveURL(`${url}/forgot-password/sent/`)

      await openEmail(page, url, 'Reset your')
      await expect(page.frameLocator('iframe').getByText('Hello Dana')).toBeVisible()
      await page.frameLocator('iframe').getByRole('link', { name: 'Choose a new password' }).click()
      await expect(page.getByRole('main')).toContainText(name)
      await page.getByLabel('New password', { exact: true }).fill(newPassword())
      await take('reset-password')
      await page
        .getByRole('main')
        .getByRole('button', { name: /save|set|change/i })
        .click()
      await expect(page).toHaveURL(`${url}/reset-password/done/`)

      await openEmail(page, url, 'was changed')
    } finally {
      if (demo.exitCode === null) {
        demo.kill('SIGTERM')
        await once(demo, 'exit')
      }
      rmSync(dataDir, { recursive: true, force: true })
    }
  })

async function untilRunning(demo: ChildProcess): Promise<void> {
  let output = ''
  for (const stream of [demo.stdout!, demo.stderr!]) stream.on('data', (chunk) => (output += chunk))
  await expect.poll(() => output, { timeout: 120_000 }).toContain('Rekey is running')
}

async function openEmail(page: Page, url: string, subject: string): Promise<void> {
  const email = page.getByRole('main').getByRole('listitem').getByRole('link').filter({ hasText: subject })
  await expect(async () => {
    await page.goto(`${url}/dev/mailbox/`)
    await email.first().click({ timeout: 1000 })
  }).toPass({ timeout: 60_000 })
}
