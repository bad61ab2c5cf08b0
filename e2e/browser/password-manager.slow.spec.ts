import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type BrowserContext } from 'playwright/test'
import { expect, heading, passwordField, test as journey } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { savePassword, sendPassword } from '@/e2e/support/browser/steps'

/*
 * Chromium's own password manager, in a browser that is as a person would have it: a profile with the manager on, and
 * without the switch that tells Chromium of a test, which turns the manager off. What the manager makes of a form is
 * told by a page of its own. The question whether to save is asked beside the page, where no test without a screen can
 * answer it. By hand it was: on a virtual screen (Xvfb), Alt+Shift+A and Enter pressed by xdotool in that very question
 * left one row in the profile's `Login Data`, with this form's address, the account's user name and the new password.
 */
type Managed = { managed: { context: BrowserContext; heard: () => Promise<string> } }

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
    await provide({ context, heard: () => internals.locator('body').innerText() })
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  },
})

/** What the manager took for the user name and for the new password when it last looked at a form. */
function readLastForm(log: string) {
  const form = log.slice(log.lastIndexOf('Form parsing output'))
  const named = (what: string) => new RegExp(`${what} element :\\s*(\\w*) ,`).exec(form)?.[1]
  return { username: named('Username'), newPassword: named('New password'), password: named('\\sPassword') }
}

test('Chromium’s password manager understands the form, and offers to save the account with its new password [U3, U4]', async ({
  managed: { context, heard },
  app,
  says,
}) => {
  // A whole browser of its own has to start.
  test.slow()
  const page = await context.newPage()
  await page.goto(await linkTo(app, await app.addPerson()))
  await expect(heading(page)).toHaveText(says.reset.title)
  await sendPassword(page, says, 'too short')
  await expect(passwordField(page, says)).toHaveAttribute('aria-invalid', 'true')
  // What was refused is nothing to keep.
  expect(await heard()).not.toContain('Show password prompt')

  await savePassword(page, says)
  await expect.poll(heard).toContain('Show password prompt')
  const log = await heard()
  expect(log).toMatch(/Decision:\s+ASK the user/)
  expect(readLastForm(log)).toEqual({ username: 'username', newPassword: 'password', password: '' })
})
