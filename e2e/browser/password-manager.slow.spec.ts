import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type BrowserContext } from 'playwright/test'
import { expect, heading, passwordField, test as journey } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { savePassword, sendPassword } from '@/e2e/support/browser/steps'

/*
 * Chromium's own password manager, in a browser with a profile in which the manager is on, and without the switch for
 * automated browsers, which turns the manager off. Chromium logs what the manager reads of a form on an internal page. The
 * prompt to save is outside of the page, and a headless test cannot answer it. It was answered by hand: on a virtual screen
 * (Xvfb), Alt+Shift+A and Enter, pressed by xdotool in that prompt, stored one row in the profile's `Login Data`, with the
 * address of this form, the account's user name and the new password.
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

/** The fields that the manager took for user name and passwords when it last read a form. */
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
  // The manager does not offer to save a rejected password.
  expect(await readLog()).not.toContain('Show password prompt')

  await savePassword(page, says)
  await expect.poll(readLog).toContain('Show password prompt')
  const log = await readLog()
  expect(log).toMatch(/Decision:\s+ASK the user/)
  expect(readLastForm(log)).toEqual({ username: 'username', newPassword: 'password', password: '' })
})
