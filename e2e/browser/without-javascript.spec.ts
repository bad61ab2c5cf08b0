import { alertOf, collectRequests, expect, heading, passwordField, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { looks } from '@/e2e/support/browser/looks'
import { sendPassword } from '@/e2e/support/browser/steps'
import { newPassword, readLink } from '@/e2e/support/running-app'

test.use({ javaScriptEnabled: false })

for (const { title, language, use } of looks) {
  test.describe(title, () => {
    test.use(use)

    test('the whole way from forgotten to new password', async ({ page, app, says }) => {
      const person = await app.addPerson()
      const password = newPassword()
      const requests = collectRequests(page)

      await page.goto('/forgot-password/')
      await expect(page.locator('html')).toHaveAttribute('lang', language)
      const login = page.getByLabel(says.ask.field)
      await login.fill('   ')
      await page.getByRole('button', { name: says.ask.submit }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/?error=login.blank`)
      await expect(login).toHaveAccessibleDescription(new RegExp(`^${says.ask.missing}`))
      await expect(login).toHaveAttribute('aria-invalid', 'true')
      await expect(login).toBeFocused()

      await login.fill(person.username)
      await page.getByRole('button', { name: says.ask.submit }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      await expect(heading(page)).toHaveText(says.sent.title)

      await page.goto((await app.sink.next(person.email)).link!)
      const field = passwordField(page, says)
      const save = page.getByRole('button', { name: says.reset.submit })
      await expect(page.getByRole('main')).toContainText(says.reset.livesFor) // U12: the life of the link
      // A button that could do nothing is not offered, nor a bar that would stay empty.
      await expect(page.getByRole('button', { name: says.reset.show })).toBeHidden()
      await expect(page.locator('progress')).toBeHidden()

      // The form comes back with all that is wrong in words, with the link alive and nothing typed in the address.
      await field.fill('123456789012345678')
      await save.click()
      await expect(page).toHaveURL(/[?&]error=password.numeric$/)
      await expect(field).toHaveAccessibleDescription(new RegExp(`^${says.reset.digits}`))
      await expect(field).toBeFocused()
      await expect(field).toHaveValue('')
      await expect(alertOf(page)).toHaveText(says.reset.again)

      await field.fill('ab '.repeat(100))
      await save.click()
      await expect(field).toHaveAccessibleDescription(new RegExp(`^${says.reset.tooLong}`)) // P2

      // The browser counts an emoji as two, so only the endpoint can tell (P3).
      await field.fill('🦉'.repeat(8))
      await save.click()
      await expect(field).toHaveAccessibleDescription(new RegExp(`^${says.reset.tooShort}`))

      await field.fill(password)
      await save.click()
      await expect(page).toHaveURL(`${app.url}/reset-password/done/`)
      await expect(heading(page)).toHaveText(says.done.title)
      expect(await app.passwordIs(person, password)).toBe(true)

      const urls = (await requests()).map(({ url }) => decodeURIComponent(url)).join('\n')
      for (const typed of [person.username, '123456789012345678', 'ab ab', '🦉', password]) {
        expect(urls).not.toContain(typed)
      }
    })
  })
}

test('a link is not said to live longer than it does [U12]', async ({ page, app }) => {
  await page.goto(await linkTo(app, await app.addPerson(), { age: 3600 - 175 }))
  await expect(page.getByRole('main')).toContainText('Your link works for 2 more minutes.')
})

test('the own forms pass, although they carry no origin [H8]', async ({ page, app, says }) => {
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person))
  const posted = page.waitForRequest((request) => request.method() === 'POST')
  await sendPassword(page, says)
  const request = await posted
  const { origin, 'sec-fetch-site': site } = await request.allHeaders()
  expect({ origin, site }).toEqual({ origin: 'null', site: 'same-origin' })
  expect((await request.response())?.status()).toBe(303)
  await expect(heading(page)).toHaveText(says.done.title)
})

test('links that are dead say why, and one press brings a new one', async ({ page, app, says }) => {
  const person = await app.addPerson()
  const used = await linkTo(app, person)
  await app.post('reset-password', { ...readLink(used), password: newPassword() })
  await app.sink.next(person.email)

  for (const [link, title] of [
    [await linkTo(app, person, { age: 3700 }), says.dead.expired],
    [used, says.dead.used],
  ] as const) {
    await page.goto(link)
    await expect(heading(page)).toHaveText(title)
    await page.getByRole('button', { name: says.dead.renew }).click()
    await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
  }
  await page.goto((await app.sink.next(person.email)).link!)
  await expect(heading(page)).toHaveText(says.reset.title)

  await page.goto(used.slice(0, -9))
  await expect(heading(page)).toHaveText(says.dead.damaged)
  await page.getByRole('link', { name: says.dead.ask }).click()
  await expect(heading(page)).toHaveText(says.ask.title)

  await page.goto('/reset-password/')
  await expect(heading(page)).toHaveText(says.dead.missing)
})

test('a form whose link died meanwhile leads to the page that says so', async ({ page, app, says }) => {
  const person = await app.addPerson()
  const link = await linkTo(app, person)
  await page.goto(link)
  await app.post('reset-password', { ...readLink(link), password: newPassword() })
  await sendPassword(page, says)
  await expect(heading(page)).toHaveText(says.dead.used)
})
