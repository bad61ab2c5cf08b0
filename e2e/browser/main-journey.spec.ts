import {
  collectRequests,
  expect,
  heading,
  passwordField,
  storedByBrowser,
  test,
} from '@/e2e/support/browser/journey'

import { variants } from '@/e2e/support/browser/journey-variants'
import { newPassword } from '@/e2e/support/running-app'

for (const { title, language, use } of variants) {
  test.describe(title, () => {
    test.use(use)

    test('a person requests a link, sets a new password with it, and cannot use the link again', async ({
      page,
      app,
      says,
    }) => {
      const person = await app.addPerson({ password: 'the password that was forgotten' })
      const password = newPassword()
      const requests = collectRequests(page)

      await page.goto('/')
      await expect(page.locator('html')).toHaveAttribute('lang', language)
      await expect(heading(page)).toHaveText(says.request.title)
      await page.getByLabel(says.request.field).fill(person.email)
      await page.getByRole('button', { name: says.request.submit }).click()

      // U3, U11, U12: the new address does not contain the login; the page shows it, so that a typo is noticed.
      await expect(heading(page)).toHaveText(says.sent.title)
      await expect(heading(page)).toBeFocused()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      await expect(page).toHaveTitle(`${says.sent.title} · Rekey`)
      await expect(page.getByRole('main')).toContainText(person.email)
      await expect(page.getByRole('main')).toContainText(says.sent.life)
      await expect(page.locator('main form')).toHaveCount(0)
      expect(await storedByBrowser(page)).not.toContain(person.username)

      const email = await app.sink.next(person.email)
      expect(email.mail.subject).toBe(says.email.subject)
      await page.goto(email.link!)
      await expect(heading(page)).toHaveText(says.reset.title)
      await expect(page.getByRole('main')).toContainText(person.username)

      // U7: the error is next to its field, which has the focus.
      const field = passwordField(page, says)
      const save = page.getByRole('button', { name: says.reset.submit })
      await field.fill('1234567890')
      await save.click()
      await expect(field).toBeFocused()
      await expect(field).toHaveAttribute('aria-invalid', 'true')
      await expect(field).toHaveAccessibleDescription(
        new RegExp(`^${says.reset.tooShort} ${says.reset.digits}`),
      )

      // T14: a password that the server rejects leaves the link valid, and stays in the field.
      await field.fill(`my-${person.username}`)
      await save.click()
      await expect(field).toHaveAccessibleDescription(new RegExp(`^${says.reset.similar}`))
      await expect(field).toBeFocused()
      await expect(field).toHaveValue(`my-${person.username}`)

      await field.fill(password)
      await save.click()
      await expect(heading(page)).toHaveText(says.done.title)
      await expect(page).toHaveURL(`${app.url}/reset-password/done/`)
      expect(await app.passwordIs(person, password)).toBe(true)
      const changed = await app.sink.next(person.email)
      expect(changed.link).toBeUndefined()

      // P11: only the request that saves the password carries it.
      expect(await storedByBrowser(page)).not.toContain(password)
      const carriers = (await requests()).filter(({ text }) => text.includes(password))
      expect(carriers.map(({ method, url }) => [method, url])).toEqual([
        ['POST', `${app.url}/api/v1/accounts/reset-password/`],
      ])

      // T4: the link is used, and one click requests a new one.
      await page.goto(email.link!)
      await expect(heading(page)).toHaveText(says.dead.used)
      await page.getByRole('button', { name: says.dead.renew }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      await expect(heading(page)).toHaveText(says.sent.title)
      await page.goto((await app.sink.next(person.email)).link!)
      await expect(heading(page)).toHaveText(says.reset.title)
    })
  })
}
