import {
  contrastOf,
  doubleText,
  expectNoViolations,
  expectTargets,
  expectToFit,
  spaceText,
} from '@/e2e/support/browser/checks'
import { expect, heading, passwordField } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { show, states } from '@/e2e/support/browser/states'
import { expectLanguage } from '@/e2e/support/browser/page-language'
import { requestLink, sendPassword } from '@/e2e/support/browser/steps'
import { test } from '@/e2e/support/browser/proxied-app'
import { isLong } from '@/e2e/support/long-form'
import { newPassword } from '@/e2e/support/running-app'
import type { Language } from '@/lib/i18n/locales'

const small = { width: 320, height: 640 }
/** So high that no text crosses its edge, where axe cannot compute the background of the text. */
const large = { width: 1280, height: 2000 }

/** Each state is checked in one of these. In the long form, languages.spec.ts checks it in every language. */
const turns: readonly Language[] = isLong ? ['en'] : ['en', 'de', 'ar']

for (const [index, state] of states.entries()) {
  const language = turns[index % turns.length]!
  test.describe(`in ${language}`, () => {
    test.use({ locale: language })

    test(`every visitor can read, operate and enlarge ${state.name} [U7, U8, U9, U10, U11]`, async ({
      page,
      app,
      says,
      proxied,
      complaints,
    }) => {
      await page.setViewportSize(small)
      await show(state, { page, app, says, proxied })
      if (state.breaks) expect(complaints.splice(0).length).toBeGreaterThan(0)
      const title = await heading(page).innerText()
      await expect(page).toHaveTitle(`${title} · Rekey`)
      await expectLanguage(page, language, state.name)
      // SC 3.2.6: every page has help in the same place.
      await expect(page.getByRole('contentinfo').getByRole('link').first()).toHaveText('help@rekey.example')
      // SC 1.3.1: VoiceOver announces a list without markers only if the list has a role.
      const unmarked = page.locator('ul:not([role=list]), ol:not([role=list])')
      for (const list of await unmarked.all()) await expect(list).not.toHaveCSS('list-style-type', 'none')

      // Only colours depend on the theme, and no colour on the width. The long form checks every pair.
      const views: [colorScheme: 'light' | 'dark', size: typeof small, only?: string[]][] = [
        ['light', small],
        ['dark', large, ['color-contrast']],
      ]
      if (isLong) views.push(['light', large], ['dark', small])
      for (const [colorScheme, size, only] of views) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        await page.setViewportSize(size)
        await expectNoViolations(page, `${colorScheme}, ${size.width} px`, { only, covers: state.covers })
      }
      // Forced colours replace those of text, which axe does not see. A control that its text identifies needs no edge.
      await page.emulateMedia({ forcedColors: 'active' })
      for (const target of await page
        .locator('main :is(button:not([aria-pressed]), input:not(.sr-only))')
        .all())
        if (await target.isVisible()) expect(await contrastOf(target, 'edge')).toBeGreaterThanOrEqual(3)
      await page.emulateMedia({ forcedColors: 'none' })

      await expectTargets(page, 'narrow')
      await expectToFit(page, 'narrow')
      await page.setViewportSize({ width: 320, height: 256 })
      await spaceText(page)
      await expectToFit(page, 'narrow, low and with wide text')
      await page.setViewportSize({ width: 640, height: 320 })
      await expectToFit(page, 'on its side, with wide text')
      await doubleText(page)
      await expectToFit(page, 'on its side, with text twice as large')
    })
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`edges of controls and the focus ring have enough contrast in the ${colorScheme} scheme [U9]`, async ({
    page,
    app,
    says,
  }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.goto(await linkTo(app, await app.addPerson()))
    const field = passwordField(page, says)
    const save = page.getByRole('button', { name: says.reset.submit })
    expect(await contrastOf(field, 'edge')).toBeGreaterThanOrEqual(3)
    expect(await contrastOf(save, 'edge')).toBeGreaterThanOrEqual(3)
    await save.click()
    await expect(field).toHaveAttribute('aria-invalid', 'true')
    expect(await contrastOf(field, 'edge')).toBeGreaterThanOrEqual(3)
    for (const target of [field, save, page.getByRole('button', { name: says.reset.show })]) {
      await target.press('Shift')
      expect(await contrastOf(target, 'ring')).toBeGreaterThanOrEqual(3)
    }
    await page.goto('/forgot-password/sent/')
    expect(
      await contrastOf(page.getByRole('link', { name: says.sent.change }), 'edge'),
    ).toBeGreaterThanOrEqual(3)
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`icons and the progress steps have enough contrast in the ${colorScheme} scheme [U9]`, async ({
    page,
    app,
    says,
  }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const link = await linkTo(app, await app.addPerson())
    for (const address of ['/forgot-password/', '/forgot-password/sent/', '/reset-password/done/', link]) {
      await page.goto(address)
      await heading(page).waitFor()
      if (address === link) {
        await sendPassword(page, says, '١٢٣٤٥')
        await page.getByText(says.reset.tooShort).waitFor()
      }
      for (const size of [small, large]) {
        await page.setViewportSize(size)
        const steps = await page.locator('header .rounded-full').all()
        const shown = await Promise.all(steps.map((step) => step.isVisible()))
        expect(shown.filter(Boolean).length, 'steps').toBeGreaterThanOrEqual(3)
        for (const step of steps.filter((_, index) => shown[index]))
          expect(await contrastOf(step, 'edge')).toBeGreaterThanOrEqual(3)
        for (const icon of await page.locator('svg').all())
          if (await icon.isVisible()) expect(await contrastOf(icon, 'lines')).toBeGreaterThanOrEqual(3)
      }
    }
  })
}

test('each page has its live regions, still empty, as soon as it loads [U7]', async ({ page, app, says }) => {
  const person = await app.addPerson()
  const regions = () =>
    page
      .locator('main :is([role=alert], [role=status], [aria-live])')
      .evaluateAll((all) => all.map((one) => [one.getAttribute('role') ?? 'live', one.textContent]))
  const [errors, strength, progress] = ['live', 'live', 'live']
  for (const [address, roles] of [
    ['/forgot-password/', ['alert', errors, progress]],
    [await linkTo(app, person), ['alert', errors, strength, 'status', progress]],
    [await linkTo(app, person, { age: 3700 }), ['alert', progress]],
    [await linkTo(app, person, { purpose: 'cancel' }), ['alert', progress]],
  ] as const) {
    await page.goto(address)
    await heading(page).waitFor()
    expect(await regions(), address).toEqual(roles.map((role) => [role, '']))
  }
  await requestLink(page, says, person.username)
  expect(await regions()).toEqual([progress, 'status', 'alert'].map((role) => [role, '']))
})

test('a form that is sent with Enter announces errors and progress, and the focus stays in the field [U7]', async ({
  page,
  app,
  says,
}) => {
  const announced = (text: string) => page.locator('main [aria-live]').filter({ hasText: text })
  await page.goto('/forgot-password/')
  const login = page.getByLabel(says.request.field)
  await login.press('Enter')
  await expect(announced(says.request.missing)).toBeAttached()
  await expect(login).toBeFocused()
  await page.route('**/api/**', () => {})
  await login.fill('somebody')
  await login.press('Enter')
  await expect(announced(says.request.busy)).toBeAttached()
  await expect(login).toBeFocused()

  await page.goto(await linkTo(app, await app.addPerson()))
  const password = passwordField(page, says)
  await password.fill('1234567')
  await password.press('Enter')
  await expect(announced(says.reset.digits)).toBeAttached()
  await password.fill(newPassword())
  await password.press('Enter')
  await expect(announced(says.reset.busy)).toBeAttached()
  await expect(password).toBeFocused()
})

test('a device that is set to reduce motion shows none', async ({ page, app, says, proxied }) => {
  const busy = states.find(({ name }) => name === 'the password form while it is sent')!
  const motion = () =>
    page.evaluate(() => {
      const slow = [...document.querySelectorAll('*')].filter((element) => {
        const { transitionProperty, transitionDuration } = getComputedStyle(element)
        const durations = transitionDuration.split(',').map(parseFloat)
        return transitionProperty !== 'none' && durations.some((duration) => duration > 0)
      })
      return [...document.getAnimations().map(() => 'animation'), ...slow.map(({ localName }) => localName)]
    })
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  await show(busy, { page, app, says, proxied })
  expect(await motion()).toEqual(expect.arrayContaining(['animation', 'button']))
  await page.emulateMedia({ reducedMotion: 'reduce' })
  expect(await motion()).toEqual([])
})

test('fields and buttons keep an edge with forced colours [U9]', async ({ page, app, says }) => {
  await page.emulateMedia({ forcedColors: 'active', colorScheme: 'dark' })
  await page.goto(await linkTo(app, await app.addPerson()))
  for (const target of [passwordField(page, says), page.getByRole('button', { name: says.reset.submit })]) {
    expect(await contrastOf(target, 'edge')).toBeGreaterThanOrEqual(3)
    await target.focus()
    await target.press('Shift')
    expect(await contrastOf(target, 'ring')).toBeGreaterThanOrEqual(3)
  }
})
