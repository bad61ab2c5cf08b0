import { expect, type Page } from 'playwright/test'
import { newPassword } from '@/e2e/support/running-app'
import { heading, passwordField } from './journey'
import type { Words } from './messages'

/**
 * Opens the form for asking, asks for a link with `login`, and arrives at "check your email".
 *
 * @param at the address of the form, where it is not the usual one
 * @param field the label of the field, where it is not the usual one
 */
export async function requestLink(
  page: Page,
  says: Words,
  login: string,
  { at = '/forgot-password/', field = says.ask.field } = {},
): Promise<void> {
  await page.goto(at)
  await page.getByLabel(field).fill(login)
  await page.getByRole('button', { name: says.ask.submit }).click()
  await expect(heading(page)).toHaveText(says.sent.title)
}

/** Types a new password into the form that is open and presses the button; what comes of it is the test's to say. */
export async function sendPassword(page: Page, says: Words, password = newPassword()): Promise<void> {
  await passwordField(page, says).fill(password)
  await page.getByRole('button', { name: says.reset.submit }).click()
}

/** Saves a new password with the form that is open, and reads that it has been changed. */
export async function savePassword(page: Page, says: Words, password = newPassword()): Promise<void> {
  await sendPassword(page, says, password)
  await expect(heading(page)).toHaveText(says.done.title)
}
