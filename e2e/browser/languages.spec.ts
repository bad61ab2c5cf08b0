import type { Page } from 'playwright/test'
import { directionOf, languages, type Language } from '@/lib/i18n/locales'
import {
  doubleText,
  expectNoViolations,
  expectTargets,
  expectToFit,
  spaceText,
} from '@/e2e/support/browser/checks'
import { expect, heading, passwordField } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { messagesIn, messagesOfFile } from '@/e2e/support/browser/messages-by-language'
import { expectLanguage } from '@/e2e/support/browser/page-language'
import { show, states } from '@/e2e/support/browser/states'
import { test } from '@/e2e/support/browser/proxied-app'
import { writtenMessages } from '@/e2e/support/browser/messages'
import { isLong } from '@/e2e/support/long-form'

test.describe.configure({ mode: 'parallel' })
// Recording so many pages takes longer than checking them.
test.use({ trace: 'off' })

/** The long form checks all states in all languages; access.spec.ts checks each state in one language. */
const checked: readonly Language[] = isLong ? languages : []

for (const language of checked) {
  test.describe(`all states of the pages in ${language}`, () => {
    test.use({ locale: language, viewport: { width: 320, height: 640 } })

    test(`every state of the pages is in ${language}, accessible, and fits the smallest screen [U7, U8, U10, U11]`, async ({
      page,
      app,
      says,
      proxied,
      complaints,
    }) => {
      test.setTimeout(600_000)
      await page.emulateMedia({ reducedMotion: 'reduce' })
      for (const state of states) {
        await show(state, { page, app, says, proxied })
        await expect(heading(page), state.name).toHaveText(state.title(says))
        await expect(page).toHaveTitle(`${state.title(says)} · Rekey`)
        await expectLanguage(page, language, state.name)
        // Colours are the same in every language, so access.spec.ts checks them.
        await expectNoViolations(page, state.name, { without: ['color-contrast'] })
        await expectTargets(page, state.name)
        await expectToFit(page, state.name)
        await spaceText(page)
        await expectToFit(page, `${state.name}, with wide text`)
        await doubleText(page)
        await expectToFit(page, `${state.name}, with text twice as large`)
        if (state.breaks) expect(complaints.splice(0).length).toBeGreaterThan(0)
      }
      expect(app.output()).not.toMatch(/MISSING_MESSAGE|INVALID_MESSAGE|FORMATTING_ERROR|INSUFFICIENT_PATH/)
    })
  })
}

for (const language of languages.filter((language) => directionOf(language) === 'rtl')) {
  test.describe(`direction of pages in ${language}`, () => {
    test.use({ locale: language })

    test(`pages in ${language} mirror those that run from left to right [U11]`, async ({ page, app }) => {
      await page.emulateMedia({ reducedMotion: 'reduce' })
      const address = await linkTo(app, await app.addPerson())
      for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        for (const path of ['/forgot-password/', '/reset-password/', address]) {
          const at = `${path}${path.includes('?') ? '&' : '?'}lang=`
          await page.goto(`${at}en`)
          const there = await placesOf(page)
          await page.goto(`${at}${language}`)
          const here = await placesOf(page)
          expect(here.length).toBeGreaterThan(3)
          expect(here.length).toBe(there.length)
          const elsewhere = here.filter(
            ({ left, right }, part) =>
              Math.abs(width - right - there[part]!.left) > 1 ||
              Math.abs(width - left - there[part]!.right) > 1,
          )
          expect(elsewhere, `${path} at ${width} px`).toEqual([])
        }
      }
    })

    test(`typed text keeps its own direction on pages in ${language} [U11]`, async ({ page, app, says }) => {
      const person = await app.addPerson()
      await page.goto('/forgot-password/')
      const login = page.getByLabel(says.request.field)
      await login.fill('name@example.com.')
      await expect(login).toHaveCSS('direction', 'ltr')
      await login.fill(says.sent.title)
      await expect(login).toHaveCSS('direction', 'rtl')
      await login.fill(`(${person.email})`)
      await login.press('Enter')
      await expect(page.locator('main bdi').first()).toHaveText(`(${person.email})`)

      await page.goto(await linkTo(app, person))
      await expect(page.locator('main bdi')).toHaveText(person.username)
      const field = passwordField(page, says)
      await page.getByRole('button', { name: says.reset.show }).click()
      await field.fill('open sesame!')
      await expect(field).toHaveCSS('direction', 'ltr')
    })
  })
}

test('the messages that browser tests look for are those in messages/', () => {
  // JSON leaves patterns out; the tests of the pages match those.
  const plain = (all: object) => JSON.parse(JSON.stringify(all)) as unknown
  for (const language of Object.keys(writtenMessages) as (keyof typeof writtenMessages)[])
    expect(plain(messagesIn(language)), language).toEqual(plain(messagesOfFile(language)))
})

/** The positions of those parts of a page whose size does not depend on texts. */
async function placesOf(page: Page): Promise<{ part: string; left: number; right: number }[]> {
  await heading(page).waitFor()
  return page.evaluate(() => {
    const parts = 'header, header svg, main, main input:not(.sr-only), main progress, footer'
    return [...document.querySelectorAll(parts)]
      .map((element) => ({ part: element.localName, ...placeOf(element.getBoundingClientRect()) }))
      .filter(({ left, right }) => right > left)

    function placeOf({ left, right }: DOMRect) {
      return { left, right }
    }
  })
}
