import { alertOf, expect, heading, passwordField, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { messagesIn } from '@/e2e/support/browser/messages-by-language'
import { requestLink, savePassword } from '@/e2e/support/browser/steps'
import type { Messages } from '@/e2e/support/browser/messages'
import { newPassword } from '@/e2e/support/running-app'

const [english, japanese, arabic, german] = [
  messagesIn('en'),
  messagesIn('ja'),
  messagesIn('ar'),
  messagesIn('de'),
]

for (const javaScriptEnabled of [true, false]) {
  test.describe(`a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    test.use({ javaScriptEnabled })

    test('a language that is chosen on a page applies to its form, the next page and the email', async ({
      page,
      app,
    }) => {
      const person = await app.addPerson()
      await page.goto('/forgot-password/')
      await page.getByText(english.languages).click()
      await page.getByRole('button', { name: '日本語' }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/?lang=ja`)
      await expect(page.locator('html')).toHaveAttribute('lang', 'ja')
      await expect(page.getByText(japanese.languages)).toBeVisible()

      const login = page.getByLabel(japanese.request.field)
      await login.fill('  ')
      await page.getByRole('button', { name: japanese.request.submit }).click()
      await expect(login).toHaveAccessibleDescription(new RegExp(`^${japanese.request.missing}`))
      await expect(heading(page)).toHaveText(japanese.request.title)
      await login.fill(person.username)
      await page.getByRole('button', { name: japanese.request.submit }).click()
      await expect(heading(page)).toHaveText(japanese.sent.title)
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/?lang=ja`)
      expect((await app.sink.next(person.email)).mail.subject).toBe(japanese.email.subject)

      await page.reload()
      await expect(heading(page)).toHaveText(japanese.sent.title)
      if (!javaScriptEnabled) await page.getByRole('link', { name: japanese.sent.change }).click()
      else await page.goBack()
      await expect(heading(page)).toHaveText(japanese.request.title)
    })

    test('the language of the password page can be changed, and the link still works', async ({
      page,
      app,
    }) => {
      const person = await app.addPerson()
      await page.goto(await linkTo(app, person))
      await page.getByText(english.languages).click()
      await page.getByRole('button', { name: 'العربية' }).click()
      await expect(heading(page)).toHaveText(arabic.reset.title)
      await expect(page.locator('html')).toHaveAttribute('dir', 'rtl')

      const field = passwordField(page, arabic)
      const save = page.getByRole('button', { name: arabic.reset.submit })
      await field.fill('123456789012345678')
      await save.click()
      await expect(field).toHaveAccessibleDescription(new RegExp(`^${arabic.reset.digits}`))
      if (!javaScriptEnabled) await expect(alertOf(page)).toHaveText(arabic.reset.again)
      await field.fill(newPassword())
      await save.click()
      await expect(heading(page)).toHaveText(arabic.done.title)
      await expect(page).toHaveURL(`${app.url}/reset-password/done/?lang=ar`)
    })

    test('"this wasn’t me" is in the language of its email', async ({ page, app }) => {
      const person = await app.addPerson()
      await requestLink(page, japanese, person.username, { at: '/forgot-password/?lang=ja' })
      await page.goto((await app.sink.next(person.email)).cancelLink!)
      await expect(heading(page)).toHaveText(japanese.cancel.title)
      await page.getByRole('button', { name: japanese.cancel.submit }).click()
      await expect(heading(page)).toHaveText(japanese.cancel.done)
    })

    test('an account with a language gets its emails and their pages in that language', async ({
      page,
      app,
    }) => {
      const person = await app.addPerson({ locale: 'de' })
      await requestLink(page, japanese, person.username, { at: '/forgot-password/?lang=ja' })
      const email = await app.sink.next(person.email)
      expect(email.mail.subject).toBe(german.email.subject)
      await page.goto(email.link!)
      await expect(heading(page)).toHaveText(german.reset.title)
      await savePassword(page, german)

      // A used link reveals nothing of the account, and so not its language.
      await page.goto(email.link!)
      await expect(heading(page)).toHaveText(english.dead.used)
    })
  })
}

test('choosing a language keeps the visitor on the same page, and a sent form stays sent', async ({
  page,
  app,
}) => {
  const person = await app.addPerson()
  const choose = async (from: string, language: string) => {
    await page.getByText(from).click()
    await page.getByRole('button', { name: language }).click()
  }
  await requestLink(page, english, person.email)
  await choose(english.languages, '日本語')
  await expect(heading(page)).toHaveText(japanese.sent.title)
  await expect(page).toHaveURL(`${app.url}/forgot-password/sent/?lang=ja`)

  const cancel = { purpose: 'cancel' } as const
  const forged = '?user_id=1&timestamp=2&signature=x'
  for (const [address, title] of [
    ['/reset-password/', (says) => says.dead.missing],
    ['/reset-password/?user_id=1', (says) => says.dead.damaged],
    [`/reset-password/${forged}`, (says) => says.dead.damaged],
    ['/cancel-reset/', (says) => says.dead.missing],
    ['/cancel-reset/?user_id=1', (says) => says.cancel.damaged],
    [`/cancel-reset/${forged}`, (says) => says.cancel.damaged],
    [await linkTo(app, person, cancel), (says) => says.cancel.title],
    [await linkTo(app, person, { ...cancel, age: 8 * 86400 }), (says) => says.cancel.expired],
    ['/cancel-reset/done/', (says) => says.cancel.done],
    ['/reset-password/done/', (says) => says.done.title],
    ['/there-is-nothing-here/', (says) => says.notFound.title],
  ] satisfies [string, (says: Messages) => string][]) {
    await page.goto(address)
    await expect(heading(page)).toHaveText(title(english))
    await choose(english.languages, '日本語')
    await expect(heading(page)).toHaveText(title(japanese))
  }
})

for (const [locale, clock] of [
  ['en-US', /until (.*, )?\d{1,2}:\d\d\s[AP]M\./],
  ['en-GB', /until (.*, )?\d\d:\d\d\./],
  ['ar-EG', /\d{1,2}:\d\d\s\p{sc=Arabic}/u],
] as const) {
  test.describe(`a browser with the locale ${locale}`, () => {
    test.use({ locale })

    test('a page shows when its link expires in the visitor’s time format and the page’s digits', async ({
      page,
      app,
    }) => {
      await page.goto(await linkTo(app, await app.addPerson()))
      await expect(page.getByRole('main')).toContainText(clock)
    })
  })
}

test('a page ignores an unknown language in its address', async ({ page }) => {
  for (const lang of ['xx', 'EN', 'de-DE', '../de', '']) {
    await page.goto(`/forgot-password/?lang=${encodeURIComponent(lang)}`)
    await expect(heading(page)).toHaveText(english.request.title)
  }
})
