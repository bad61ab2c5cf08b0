import {
  collectRequests,
  expect,
  heading,
  passwordField,
  remembered,
  test,
} from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { looks } from '@/e2e/support/browser/looks'
import { newPassword } from '@/e2e/support/running-app'

for (const { title, language, use } of looks) {
  test.describe(title, () => {
    test.use(use)

    test('a person who forgot a password asks, opens the email, chooses another, and the link is dead', async ({
      page,
      app,
      says,
    }) => {
      const person = await app.addPerson({ password: 'the password that was forgotten' })
      const password = newPassword()
      const requests = collectRequests(page)

      await page.goto('/')
      await expect(page.locator('html')).toHaveAttribute('lang', language)
      await expect(heading(page)).toHaveText(says.ask.title)
      await page.getByLabel(says.ask.field).fill(person.email)
      await page.getByRole('button', { name: says.ask.submit }).click()

      // U3, U11, U12: another address, without what was typed; the page shows it, for those who mistyped.
      await expect(heading(page)).toHaveText(says.sent.title)
      await expect(heading(page)).toBeFocused()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      await expect(page).toHaveTitle(`${says.sent.title} · Rekey`)
      await expect(page.getByRole('main')).toContainText(person.email)
      await expect(page.getByRole('main')).toContainText(says.sent.life)
      await expect(page.locator('main form')).toHaveCount(0)
      expect(await remembered(page)).not.toContain(person.username)

      const email = await app.sink.next(person.email)
      expect(email.mail.subject).toBe(says.email.subject)
      await page.goto(email.link!)
      await expect(heading(page)).toHaveText(says.reset.title)
      await expect(page.getByRole('main')).toContainText(person.username)

      // U7: the error stands by its field, and the focus is there.
      const field = passwordField(page, says)
      const save = page.getByRole('button', { name: says.reset.submit })
      await field.fill('1234567890')
      await save.click()
      await expect(field).toBeFocused()
      await expect(field).toHaveAttribute('aria-invalid', 'true')
      await expect(field).toHaveAccessibleDescription(
        new RegExp(`^${says.reset.tooShort} ${says.reset.digits}`),
      )

      // T14: what the server refuses leaves the link alive, and what was typed stays.
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

      // P11: the password went where it had to, and nowhere else.
      expect(await remembered(page)).not.toContain(password)
      const carriers = (await requests()).filter(({ text }) => text.includes(password))
      expect(carriers.map(({ method, url }) => [method, url])).toEqual([
        ['POST', `${app.url}/api/v1/accounts/reset-password/`],
      ])

      // T4: the link is dead, and one press brings a new one that lives.
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

test('an expired link says so, and one press brings a new one', async ({ page, app, says }) => {
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person, { age: 3700 }))
  await expect(heading(page)).toHaveText(says.dead.expired)
  await page.getByRole('button', { name: says.dead.renew }).click()
  await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
  await page.goto((await app.sink.next(person.email)).link!)
  await expect(heading(page)).toHaveText(says.reset.title)
})
