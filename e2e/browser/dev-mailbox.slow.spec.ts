import { simpleParser } from 'mailparser'
import type { Locator, Page } from 'playwright/test'
import { expectNoViolations, expectToFit } from '@/e2e/support/browser/checks'
import { expect, heading, test as journey } from '@/e2e/support/browser/journey'
import { savePassword } from '@/e2e/support/browser/steps'
import { directionOf, languages } from '@/lib/i18n/locales'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { isLong } from '@/e2e/support/long-form'

const test = journey.extend<object, { demo: RunningApp }>({
  demo: [
    async ({}, provide) => {
      const demo = await startApp({ command: 'demo', env: { SMTP_URL: '', WORKER: 'on' } })
      await provide(demo)
      await demo.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ demo }, provide) => provide(demo.url),
})

const subject = 'Reset your Rekey password'

async function addEmail(demo: RunningApp, locale: string | null = null): Promise<Person> {
  const person = await demo.addPerson({ locale })
  await demo.post('send-reset-password-link', { login: person.username })
  return person
}

async function findEmail(page: Page, { username }: Person): Promise<Locator> {
  const emails = page.getByRole('main').getByRole('listitem')
  await expect(async () => {
    await page.goto(`/dev/mailbox/?q=${username}`)
    await expect(emails).toHaveCount(1, { timeout: 1000 })
  }).toPass()
  return emails
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(`a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    test.use({ javaScriptEnabled })

    test('the mailbox finds an email by its recipient and shows both of its parts, and the link in it works', async ({
      page,
      demo,
      says,
    }) => {
      const [person, other] = [await addEmail(demo), await addEmail(demo)]
      const search = page.getByLabel('Search by recipient or subject')
      await expect(async () => {
        await page.goto('/dev/mailbox/')
        await search.fill(person.username)
        await search.press('Enter')
        await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1, { timeout: 1000 })
      }).toPass()
      await expect(page).toHaveURL(`${demo.url}/dev/mailbox/?q=${person.username}`)
      await expect(page.getByRole('main')).not.toContainText(other.email)
      await expect(page.getByRole('status')).toContainText(/^1 of \d+ emails with/)

      await page.getByRole('link', { name: subject }).click()
      await expect(heading(page)).toHaveText(subject)
      await expect(page.getByRole('main')).toContainText(person.email)
      const link = await page.getByLabel('To choose a new password').inputValue()
      expect(link).toMatch(/[?&]signature=[\w-]+$/)
      await expect(page.getByRole('region', { name: 'Plain text' })).toContainText(`\n${link}\n`)
      await expect(page.getByRole('region', { name: 'Headers' })).toContainText('auto-generated')
      const email = page.frameLocator('iframe')
      const button = email.getByRole('link', { name: 'Choose a new password' })
      await expect(button).toHaveAttribute('href', link)

      await button.click()
      await expect(heading(page)).toHaveText('Choose a new password')
      await savePassword(page, says)
      await expect(async () => {
        await page.goto(`/dev/mailbox/?q=${person.username}`)
        await expect(page.getByRole('main').getByRole('listitem').first()).toContainText('was changed', {
          timeout: 1000,
        })
      }).toPass()
    })

    test('the mailbox shows an email in a light and a dark scheme', async ({ page, demo }) => {
      const person = await addEmail(demo, 'ar')
      await (await findEmail(page, person)).getByRole('link').click()
      const paper = () =>
        page
          .frameLocator('iframe')
          .locator('body')
          .evaluate((body) => getComputedStyle(body).backgroundColor)
      await page.emulateMedia({ colorScheme: 'light' })
      for (const [name, colour] of [
        ['Dark', 'rgb(14, 20, 23)'],
        ['Light', 'rgb(246, 244, 239)'],
        ['System', 'rgb(246, 244, 239)'],
      ] as const) {
        await page.getByRole('navigation').getByRole('link', { name }).click()
        await expect(page.getByRole('navigation').getByRole('link', { name })).toHaveAttribute(
          'aria-current',
          'true',
        )
        expect(await paper(), name).toBe(colour)
      }
    })
  })
}

test('a new email appears in the open list by itself', async ({ page, demo }) => {
  await page.goto('/dev/mailbox/?q=nobody-has-written-to-them')
  await expect(heading(page)).toHaveText('Emails')
  await expect(page.getByRole('main')).toContainText('No email matches')
  await page.goto('/dev/mailbox/')
  const { email } = await addEmail(demo)
  const item = page.getByRole('main').getByRole('listitem').filter({ hasText: email })
  await expect(item).toContainText(/just now|seconds ago/)
})

test('one click on "Copy link" copies the whole link', async ({ page, context, demo }) => {
  const person = await addEmail(demo)
  await (await findEmail(page, person)).getByRole('link').click()
  await page.getByRole('button', { name: /^Copy link ?: To choose a new password$/ }).click()
  await expect(page.getByRole('button', { name: /^Copied ?: To choose a new password$/ })).toBeVisible()
  const link = await page.getByLabel('To choose a new password').inputValue()
  const elsewhere = await context.newPage()
  await elsewhere.setContent('<textarea></textarea>')
  await elsewhere.getByRole('textbox').focus()
  await elsewhere.keyboard.press('ControlOrMeta+v')
  await expect(elsewhere.getByRole('textbox')).toHaveValue(link)
})

test('every visitor can read and enlarge the mailbox [U7, U8, U9, U10]', async ({ page, demo }) => {
  // A visible list loads new emails; this one must not change while it is checked.
  await page.addInitScript(() => Object.defineProperty(document, 'visibilityState', { value: 'hidden' }))
  const person = await addEmail(demo)
  const found = await findEmail(page, person)
  const email = await found.getByRole('link', { name: subject }).getAttribute('href')
  for (const address of ['/dev/mailbox/', '/dev/mailbox/?q=nobody-has-written-to-them', email!]) {
    for (const [colorScheme, width] of [
      ['light', 320],
      ['dark', 1280],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.setViewportSize({ width, height: 800 })
      await page.goto(address)
      await expectNoViolations(page, `${address}, ${colorScheme}`)
      await expectToFit(page, `${address}, ${width} px`)
    }
  }
})

journey('an app that sends emails has no mailbox', async ({ page }) => {
  for (const address of [
    '/dev/mailbox/',
    '/dev/mailbox/x/',
    '/dev/mailbox/x/html/',
    '/dev/mailbox/x/source/',
  ])
    expect((await page.request.get(address)).status(), address).toBe(404)
})

/** The newest email to a person, once there are `emails`. */
async function newestEmail(demo: RunningApp, { email }: Person, emails: number) {
  const found = { ids: [] as (string | undefined)[] }
  await expect(async () => {
    const list = await (await fetch(`${demo.url}/dev/mailbox/?q=${encodeURIComponent(email)}`)).text()
    found.ids = [...list.matchAll(/href="\/dev\/mailbox\/([\w-]+)\/"/g)].map(([, id]) => id)
    expect(found.ids).toHaveLength(emails)
  }).toPass()
  const source = await fetch(`${demo.url}/dev/mailbox/${found.ids[0]}/source/`)
  return simpleParser(await source.text())
}

test('both emails are accessible and fit a phone in every language, in the light and the dark scheme [U9, U10, M11]', async ({
  page,
  demo,
}) => {
  test.setTimeout(240_000)
  for (const language of languages) {
    const person = await addEmail(demo, language)
    const reset = await newestEmail(demo, person, 1)
    const link = reset.text?.match(/^http.*reset-password.*$/m)?.[0]
    await demo.post('reset-password', { ...readLink(link), password: newPassword() })
    for (const [kind, email] of [
      ['reset', reset],
      ['changed', await newestEmail(demo, person, 2)],
    ] as const) {
      const about = `${kind} in ${language}`
      await page.setViewportSize({ width: 320, height: 640 })
      await page.emulateMedia({ colorScheme: 'light' })
      await page.setContent(String(email.html))
      await expect(page.locator('html'), about).toHaveAttribute('dir', directionOf(language))
      await expectToFit(page, about)
      await expectNoViolations(page, `${about}, light`)
      // The dark colours are the same in every language.
      if (language !== 'en' && !isLong) continue
      await page.emulateMedia({ colorScheme: 'dark' })
      await expectNoViolations(page, `${about}, dark`, { only: ['color-contrast'] })
    }
  }
})
