import { expect, type Page } from 'playwright/test'
import { newPassword } from '@/e2e/support/running-app'
import { heading, passwordField } from './journey'
import type { Messages } from './messages'

/** Requests a link for `login`, and waits for "check your email". */
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

export async function sendPassword(page: Page, says: Messages, password = newPassword()): Promise<void> {
  await passwordField(page, says).fill(password)
  await page.getByRole('button', { name: says.reset.submit }).click()
}

export async function savePassword(page: Page, says: Messages, password = newPassword()): Promise<void> {
  await sendPassword(page, says, password)
  await expect(heading(page)).toHaveText(says.done.title)
}
