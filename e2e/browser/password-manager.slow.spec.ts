import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type BrowserContext } from 'playwright/test'
import { expect, heading, passwordField, test as journey } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { savePassword, sendPassword } from '@/e2e/support/browser/steps'

/*
 * Chromium logs on an internal page what its password manager reads of a form. The switch for automated browsers turns the
 * manager off. A headless test cannot answer the prompt to save. When the prompt was answered by hand (Xvfb, Alt+Shift+A and
 * Enter by xdotool), the manager stored the account's user name and the new password in the profile's `Login Data`.
 */
type Managed = { managed: { context: BrowserContext; readLog: () => Promise<string> } }

const test = journey.extend<Managed>({
  managed: async ({ launchOptions }, provide) => {
    const profile = mkdtempSync(path.join(tmpdir(), 'rekey-profile-'))
    mkdirSync(path.join(profile, 'Default'))
    writeFileSync(
      path.join(profile, 'Default', 'Preferences'),
      JSON.stringify({ credentials_enable_service: true, profile: { password_manager_enabled: true } }),
    )
    const context = await chromium.launchPersistentContext(profile, {
      ...launchOptions,
      headless: false,
      args: [...(launchOptions.args ?? []), '--headless=new', '--password-store=basic'],
      ignoreDefaultArgs: ['--enable-automation'],
    })
    const internals = await context.newPage()
    await internals.goto('chrome://password-manager-internals/')
    await provide({ context, readLog: () => internals.locator('body').innerText() })
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  },
})

function readLastForm(log: string) {
  const form = log.slice(log.lastIndexOf('Form parsing output'))
  const named = (what: string) => new RegExp(`${what} element :\\s*(\\w*) ,`).exec(form)?.[1]
  return { username: named('Username'), newPassword: named('New password'), password: named('\\sPassword') }
}

test('Chromium’s password manager reads the form and offers to save the new password [U3, U4]', async ({
  managed: { context, readLog },
  app,
  says,
}) => {
  // It starts a browser of its own.
  test.slow()
  const page = await context.newPage()
  await page.goto(await linkTo(app, await app.addPerson()))
  await expect(heading(page)).toHaveText(says.reset.title)
  await sendPassword(page, says, 'too short')
  await expect(passwordField(page, says)).toHaveAttribute('aria-invalid', 'true')
  expect(await readLog()).not.toContain('Show password prompt')

  await savePassword(page, says)
  await expect.poll(readLog).toContain('Show password prompt')
  const log = await readLog()
  expect(log).toMatch(/Decision:\s+ASK the user/)
  expect(readLastForm(log)).toEqual({ username: 'username', newPassword: 'password', password: '' })
})
