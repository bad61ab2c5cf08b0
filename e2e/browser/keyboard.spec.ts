import type { Page, Request } from 'playwright/test'
import { contrastOf } from '@/e2e/support/browser/checks'
import { expect, heading } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { test } from '@/e2e/support/browser/proxied-app'

test('the Tab key moves through every page in reading order, and the focus is always visible [U8]', async ({
  page,
  app,
  says,
}) => {
  const { signIn } = says.done
  const footer = [says.languages, 'help@rekey.example', 'Back to sign-in']
  const person = await app.addPerson()
  const walks: [string, string[]][] = [
    ['/forgot-password/', [says.request.field, says.request.submit, ...footer]],
    ['/forgot-password/sent/', [says.sent.requestAgain, says.sent.change, ...footer]],
    [await linkTo(app, person), [says.reset.show, says.reset.password, says.reset.submit, ...footer]],
    [await linkTo(app, person, { age: 3700 }), [says.dead.renew, says.dead.elsewhere, ...footer]],
    ['/reset-password/?signature=x', [says.dead.requestNew, ...footer]],
    ['/reset-password/', [signIn, says.dead.requestNew, ...footer]],
    ['/reset-password/done/', [signIn, ...footer]],
    ['/there-is-nothing-here/', [says.notFound.request, ...footer]],
    [await linkTo(app, person, { purpose: 'cancel' }), [says.cancel.submit, ...footer]],
  ]
  await page.setViewportSize({ width: 320, height: 400 })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  for (const [address, names] of walks) {
    await page.goto(address)
    await heading(page).waitFor()
    const there: string[] = []
    while (there.length < names.length) {
      await page.keyboard.press('Tab')
      there.push(await nameOfFocus(page))
      await expectVisibleFocus(page)
    }
    expect(there, address).toEqual(names)
    const back: string[] = []
    while (back.length < names.length - 1) {
      await page.keyboard.press('Shift+Tab')
      back.push(await nameOfFocus(page))
    }
    expect(back.reverse(), address).toEqual(names.slice(0, -1))
    // One more step leaves the page or moves to its other end, so the focus is not trapped.
    await page.keyboard.press('Shift+Tab')
    expect(['', names.at(-1)], address).toContain(await nameOfFocus(page))
    // A script may have removed the link's parameters from the address.
    const { pathname } = new URL(page.url())
    expect(pathname, 'SC 3.2.1: nothing happens on focus').toBe(new URL(address, app.url).pathname)
  }
})

test('typing and moving through the languages sends nothing before a button is pressed (SC 3.2.2) [U11]', async ({
  page,
  app,
  says,
}) => {
  const link = await linkTo(app, await app.addPerson())
  const walks: [address: string, field: string][] = [
    ['/forgot-password/', says.request.field],
    [link, says.reset.password],
  ]
  for (const [address, field] of walks) {
    await page.goto(address, { waitUntil: 'networkidle' })
    const at = page.url()
    const done: string[] = []
    const watch = (request: Request) => {
      if (request.isNavigationRequest() || request.method() !== 'GET') done.push(request.url())
    }
    page.on('request', watch)
    await page.getByLabel(field, { exact: true }).pressSequentially('correct horse battery staple')
    await page.getByLabel(field, { exact: true }).press('Tab')
    if (address === link) await page.getByRole('button', { name: says.reset.show }).press('Space')
    await page.locator('summary').press('Enter')
    for (let languages = 0; languages < 3; languages += 1) await page.keyboard.press('Tab')
    expect(await nameOfFocus(page)).toBe('Français')
    await page.waitForLoadState('networkidle')
    page.off('request', watch)
    expect(done).toEqual([])
    expect(page.url()).toBe(at)
    await expect(page.getByLabel(field, { exact: true })).toHaveValue('correct horse battery staple')
  }
})

for (const size of [
  { width: 320, height: 568 },
  { width: 1280, height: 800 },
]) {
  test(`the list of languages opens in view and never covers the focus at ${size.width} px [U8]`, async ({
    page,
    says,
  }) => {
    await page.setViewportSize(size)
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.goto('/forgot-password/')
    await page.getByText(says.languages).click()
    const list = page.getByRole('contentinfo').locator('form')
    const { y, height } = (await list.boundingBox())!
    expect(y).toBeGreaterThanOrEqual(0)
    expect(y + height).toBeLessThanOrEqual(size.height)
    for (const steps of ['Tab', 'Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab']) {
      await page.keyboard.press(steps)
      await expectVisibleFocus(page)
    }
    expect(await nameOfFocus(page)).toBe(says.request.submit)
    await expect(list).toBeHidden()
  })
}

async function nameOfFocus(page: Page): Promise<string> {
  const focus = page.locator(':focus:not(body)')
  if ((await focus.count()) === 0) return ''
  const snapshot = await focus.ariaSnapshot()
  return /"(.*)"/.exec(snapshot)?.[1] ?? snapshot
}

async function expectVisibleFocus(page: Page): Promise<void> {
  const focus = page.locator(':focus')
  expect(await contrastOf(focus, 'ring'), 'the focus ring').toBeGreaterThanOrEqual(3)
  const hidden = await focus.evaluate((element) => {
    const { top, bottom, left, right } = element.getBoundingClientRect()
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
    const isInView = top >= -1 && bottom <= innerHeight + 1 && left >= -1 && right <= innerWidth + 1
    if (isInView && element.contains(over)) return undefined
    return [element.textContent, top, bottom, left, right, over?.outerHTML.slice(0, 100)]
  })
  expect(hidden, 'an element with the focus that is out of view or covered').toBeUndefined()
}
