import { expect, type Page } from 'playwright/test'
import { newPassword } from '@/e2e/support/running-app'
import { heading, passwordField } from './journey'
import type { Messages } from './messages'

/**
 * Opens the request form, requests a link for `login`, and waits for "check your email".
 *
 * @param at the address of the form, where it is not the usual one
 * @param field the label of the field, where it is not the usual one
 */
export async function requestLink(
  page: Page,
  says: Messages,
  login: string,
  { at = '/forgot-password/', field = says.request.field } = {},
): Promise<void> {
  await page.goto(at)
  await page.getByLabel(field).fill(login)
  await page.getByRole('button', { name: says.request.submit }).click()
  await expect(heading(page)).toHaveText(says.sent.title)
}

/** Types a new password into the open form and sends it. The test checks the result. */
export async function sendPassword(page: Page, says: Messages, password = newPassword()): Promise<void> {
  await passwordField(page, says).fill(password)
  await page.getByRole('button', { name: says.reset.submit }).click()
}

/** Sends a new password with the open form and waits for the page that confirms it. */
export async function savePassword(page: Page, says: Messages, password = newPassword()): Promise<void> {
  await sendPassword(page, says, password)
  await expect(heading(page)).toHaveText(says.done.title)
}
