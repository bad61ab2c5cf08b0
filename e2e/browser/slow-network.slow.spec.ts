import { delayRequests } from '@/e2e/support/browser/delayed-requests'
import { alertOf, expect, heading, passwordField, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { requestLink, sendPassword } from '@/e2e/support/browser/steps'
import { newPassword } from '@/e2e/support/running-app'

test('a form that is sent several times sends one request, and its button shows that it is busy [U12]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await page.goto('/forgot-password/')
  const requesting = await delayRequests(page, '**/send-reset-password-link/')
  await page.getByLabel(says.request.field).fill(person.username)
  await page.getByRole('button', { name: says.request.submit }).dblclick()
  const busy = page.getByRole('button', { name: says.request.busy })
  await expect(busy).toHaveAttribute('aria-disabled', 'true')
  await busy.click({ force: true })
  await page.getByLabel(says.request.field).press('Enter')
  requesting.release()
  await expect(heading(page)).toHaveText(says.sent.title)
  expect(requesting.bodies).toHaveLength(1)

  const password = newPassword()
  await page.goto(await linkTo(app, person))
  const saving = await delayRequests(page, '**/api/**/reset-password/')
  await passwordField(page, says).fill(password)
  await page.getByRole('button', { name: says.reset.submit }).dblclick()
  await passwordField(page, says).press('Enter')
  await expect(page.getByRole('button', { name: says.reset.busy })).toBeVisible()
  saving.release()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(saving.bodies).toHaveLength(1)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('a form without a connection says so, keeps what was typed, and works once there is a connection [U12]', async ({
  page,
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const password = newPassword()
  await page.goto('/forgot-password/')
  // U7: screen readers announce changes only in a region that the page had before.
  await expect(alertOf(page)).toBeAttached()
  await expect(alertOf(page)).toHaveText('')
  await page.getByLabel(says.request.field).fill(person.username)
  await context.setOffline(true)
  await page.getByRole('button', { name: says.request.submit }).click()
  await expect(alertOf(page)).toHaveText(says.troubles.offline)
  await expect(page.getByLabel(says.request.field)).toHaveValue(person.username)
  await context.setOffline(false)
  await page.getByRole('button', { name: says.request.submit }).click()
  await expect(heading(page)).toHaveText(says.sent.title)

  await context.setOffline(true)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    // A screen reader announces the same text again only if it was removed in between.
    const cleared = page.evaluate(async () => {
      const alert = document.querySelector('main [role=alert]')!
      while (alert.textContent !== '') await new Promise(requestAnimationFrame)
    })
    await page.getByRole('button', { name: says.sent.again }).click()
    await cleared
    await expect(alertOf(page)).toHaveText(says.troubles.offline)
  }
  await context.setOffline(false)

  await page.goto(await linkTo(app, person))
  await expect(alertOf(page)).toHaveText('')
  await context.setOffline(true)
  await sendPassword(page, says, password)
  await expect(alertOf(page)).toHaveText(says.troubles.offline)
  await expect(passwordField(page, says)).toHaveValue(password)
  await context.setOffline(false)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('a late response replaces neither the text that is being typed nor a newer response [U11]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const login = page.getByLabel(says.request.field)
  const requestLate = async () => {
    const requesting = await delayRequests(page, '**/send-reset-password-link/', 1)
    await page.getByRole('button', { name: says.sent.again }).click()
    await expect.poll(() => requesting.bodies).toHaveLength(1)
    await page.getByRole('button', { name: says.sent.change }).click()
    await expect(login).toBeFocused()
    return async () => {
      const answered = page.waitForResponse('**/send-reset-password-link/')
      requesting.release()
      await answered
      // The page shows the effect of a response when it paints next.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
    }
  }
  await requestLink(page, says, 'a-slip-of-the-pen')

  const [start, rest] = [person.username.slice(0, 4), person.username.slice(4)]
  const answerWhileTyping = await requestLate()
  await page.keyboard.type(start)
  await answerWhileTyping()
  await page.keyboard.type(rest)
  await expect(login).toHaveValue(person.username)
  await login.press('Enter')
  await expect(page.getByRole('main')).toContainText(person.username)

  const answerAfterAnother = await requestLate()
  await login.fill(person.email)
  await login.press('Enter')
  await expect(page.getByRole('main')).toContainText(person.email)
  await answerAfterAnother()
  await expect(page.getByRole('main')).toContainText(person.email)
})

test('both forms show that they are busy on a slow connection, and succeed [U12]', async ({
  page,
  app,
  says,
}) => {
  test.slow()
  const person = await app.addPerson()
  const password = newPassword()
  const network = await page.context().newCDPSession(page)
  await network.send('Network.enable')
  await network.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 2000,
    downloadThroughput: 60_000,
    uploadThroughput: 10_000,
  })
  await page.goto('/forgot-password/', { waitUntil: 'networkidle' })
  await page.getByLabel(says.request.field).fill(person.username)
  await Promise.all([
    expect(page.getByRole('button', { name: says.request.busy })).toBeVisible(),
    page.getByRole('button', { name: says.request.submit }).click(),
  ])
  await expect(heading(page)).toHaveText(says.sent.title)

  await page.goto((await app.sink.next(person.email)).link!, { waitUntil: 'networkidle' })
  await passwordField(page, says).fill(password)
  await Promise.all([
    expect(page.getByRole('button', { name: says.reset.busy })).toBeVisible(),
    page.getByRole('button', { name: says.reset.submit }).click(),
  ])
  await expect(heading(page)).toHaveText(says.done.title)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('both forms work before their scripts have loaded, and keep what was typed before [U12]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const password = newPassword()
  const { release } = await delayRequests(page, '**/_next/static/**/*.js')
  const open = (address: string) => page.goto(address, { waitUntil: 'commit' })

  await open('/forgot-password/')
  await page.getByLabel(says.request.field).fill(person.username)
  await page.getByRole('button', { name: says.request.submit }).click({ noWaitAfter: true })
  await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
  await expect(heading(page)).toHaveText(says.sent.title)
  const { link } = await app.sink.next(person.email)

  await open(link!)
  await passwordField(page, says).fill(password)
  release()
  const show = page.getByRole('button', { name: says.reset.show })
  await show.click()
  await expect(passwordField(page, says)).toHaveValue(password)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(await app.passwordIs(person, password)).toBe(true)
})
