import { alertOf, collectRequests, expect, heading, passwordField, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { variants } from '@/e2e/support/browser/journey-variants'
import { sendPassword } from '@/e2e/support/browser/steps'
import { newPassword, readLink } from '@/e2e/support/running-app'

test.use({ javaScriptEnabled: false })

for (const { title, language, use } of variants) {
  test.describe(title, () => {
    test.use(use)

    test('a person without JavaScript requests a link and sets a new password', async ({
      page,
      app,
      says,
    }) => {
      const person = await app.addPerson()
      const password = newPassword()
      const requests = collectRequests(page)

      await page.goto('/forgot-password/')
      await expect(page.locator('html')).toHaveAttribute('lang', language)
      const login = page.getByLabel(says.request.field)
      await login.fill('   ')
      await page.getByRole('button', { name: says.request.submit }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/?error=login.blank`)
      await expect(login).toHaveAccessibleDescription(new RegExp(`^${says.request.missing}`))
      await expect(login).toHaveAttribute('aria-invalid', 'true')
      await expect(login).toBeFocused()

      await login.fill(person.username)
      await page.getByRole('button', { name: says.request.submit }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      await expect(heading(page)).toHaveText(says.sent.title)

      await page.goto((await app.sink.next(person.email)).link!)
      const field = passwordField(page, says)
      const save = page.getByRole('button', { name: says.reset.submit })
      await expect(page.getByRole('main')).toContainText(says.reset.livesFor) // U12
      // Without scripts, the button would do nothing and the bar would stay empty.
      await expect(page.getByRole('button', { name: says.reset.show })).toBeHidden()
      await expect(page.locator('progress')).toBeHidden()

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

      // The browser counts an emoji as two characters, so only the endpoint finds this one too short (P3).
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

test('the page rounds the remaining life of a link down to whole minutes [U12]', async ({ page, app }) => {
  await page.goto(await linkTo(app, await app.addPerson(), { age: 3600 - 175 }))
  await expect(page.getByRole('main')).toContainText('Your link works for 2 more minutes.')
})

test('Rekey’s own form is accepted without JavaScript although its origin is null [H8]', async ({
  page,
  app,
  says,
}) => {
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

test('the page of an expired, used or damaged link says why, and one click leads to a new link', async ({
  page,
  app,
  says,
}) => {
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
  await page.getByRole('link', { name: says.dead.requestNew }).click()
  await expect(heading(page)).toHaveText(says.request.title)

  await page.goto('/reset-password/')
  await expect(heading(page)).toHaveText(says.dead.missing)
})

test('a form whose link was used in the meantime leads to the page that says so', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const link = await linkTo(app, person)
  await page.goto(link)
  await app.post('reset-password', { ...readLink(link), password: newPassword() })
  await sendPassword(page, says)
  await expect(heading(page)).toHaveText(says.dead.used)
})
