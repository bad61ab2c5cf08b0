import { holdRequests } from '@/e2e/support/browser/held-requests'
import { alertOf, expect, heading, passwordField, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { requestLink, savePassword, sendPassword } from '@/e2e/support/browser/steps'
import { newPassword } from '@/e2e/support/running-app'

test('however impatiently the button is pressed, one request goes out, and the button says that it does [U12]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await page.goto('/forgot-password/')
  const asking = await holdRequests(page, '**/send-reset-password-link/')
  await page.getByLabel(says.ask.field).fill(person.username)
  await page.getByRole('button', { name: says.ask.submit }).dblclick()
  const busy = page.getByRole('button', { name: says.ask.busy })
  await expect(busy).toHaveAttribute('aria-disabled', 'true')
  await busy.click({ force: true })
  await page.getByLabel(says.ask.field).press('Enter')
  asking.release()
  await expect(heading(page)).toHaveText(says.sent.title)
  expect(asking.held).toHaveLength(1)

  const password = newPassword()
  await page.goto(await linkTo(app, person))
  const saving = await holdRequests(page, '**/api/**/reset-password/')
  await passwordField(page, says).fill(password)
  await page.getByRole('button', { name: says.reset.submit }).dblclick()
  await passwordField(page, says).press('Enter')
  await expect(page.getByRole('button', { name: says.reset.busy })).toBeVisible()
  saving.release()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(saving.held).toHaveLength(1)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('without a connection the form says so, keeps what was typed, and works once there is one [U12]', async ({
  page,
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const password = newPassword()
  await page.goto('/forgot-password/')
  // U7: screen readers announce what arrives in a region, so the region is there from the start.
  await expect(alertOf(page)).toBeAttached()
  await expect(alertOf(page)).toHaveText('')
  await page.getByLabel(says.ask.field).fill(person.username)
  await context.setOffline(true)
  await page.getByRole('button', { name: says.ask.submit }).click()
  await expect(alertOf(page)).toHaveText(says.troubles.offline)
  await expect(page.getByLabel(says.ask.field)).toHaveValue(person.username)
  await context.setOffline(false)
  await page.getByRole('button', { name: says.ask.submit }).click()
  await expect(heading(page)).toHaveText(says.sent.title)

  await context.setOffline(true)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    // The same words are read out again only where they had gone meanwhile.
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
  await passwordField(page, says).fill(password)
  await context.setOffline(true)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(alertOf(page)).toHaveText(says.troubles.offline)
  await expect(passwordField(page, says)).toHaveValue(password)
  await context.setOffline(false)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('a person who comes back from "check your email" finds what was typed, ready to be corrected [U11]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await requestLink(page, says, 'a-slip-of-the-pen')
  await page.getByRole('button', { name: says.sent.change }).click()

  const login = page.getByLabel(says.ask.field)
  await expect(page).toHaveURL(`${app.url}/forgot-password/`)
  await expect(login).toBeFocused()
  await expect(login).toHaveValue('a-slip-of-the-pen')
  // It is selected: typing replaces it.
  await page.keyboard.type(person.username)
  await expect(login).toHaveValue(person.username)
  await login.press('Enter')
  await expect(page.getByRole('main')).toContainText(person.username)
  await page.getByRole('button', { name: says.sent.again }).click()
  await expect(page.getByRole('status')).toHaveText(says.sent.requestedAgain)
  await app.sink.next(person.email)
  await app.sink.next(person.email)

  // After a reload the page knows no more whom it is about, and says the same without it.
  await page.reload()
  await expect(heading(page)).toHaveText(says.sent.title)
  await expect(page.getByRole('main')).not.toContainText(person.username)
})

test('an answer that comes late replaces neither what is typed meanwhile nor a newer answer [U11]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const login = page.getByLabel(says.ask.field)
  const requestLate = async () => {
    const asking = await holdRequests(page, '**/send-reset-password-link/', 1)
    await page.getByRole('button', { name: says.sent.again }).click()
    await expect.poll(() => asking.held).toHaveLength(1)
    await page.getByRole('button', { name: says.sent.change }).click()
    await expect(login).toBeFocused()
    return async () => {
      const answered = page.waitForResponse('**/send-reset-password-link/')
      asking.release()
      await answered
      // What a page makes of an answer is there when it paints next.
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

test('a person who goes back, types something else and goes forward again still reads the login of the request [U11]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const login = page.getByLabel(says.ask.field)
  await requestLink(page, says, person.email)
  await page.goBack()
  await login.fill('never-asked-for')
  await page.goForward()
  await expect(heading(page)).toHaveText(says.sent.title)
  await expect(page.getByRole('main')).toContainText(person.email)
  await expect(page.getByRole('main')).not.toContainText('never-asked-for')
  const asked = page.waitForRequest('**/send-reset-password-link/**')
  await page.getByRole('button', { name: says.sent.again }).click()
  expect((await asked).postDataJSON()).toEqual({ login: person.email })
  await expect(page.getByRole('status')).toHaveText(says.sent.requestedAgain)
})

test('of two tabs with one link the second is told that it has been used [T4]', async ({
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const link = await linkTo(app, person)
  const password = newPassword()
  const [first, second] = [await context.newPage(), await context.newPage()]
  for (const tab of [first, second]) {
    await tab.goto(link)
    await expect(heading(tab)).toHaveText(says.reset.title)
  }
  await savePassword(first, says, password)

  await sendPassword(second, says)
  await expect(heading(second)).toHaveText(says.dead.used)
  await expect(heading(second)).toBeFocused()
  await expect(second).toHaveTitle(`${says.dead.used} · Rekey`)
  await expect(second.locator('input[type=password]')).toHaveCount(0)
  expect(await app.passwordIs(person, password)).toBe(true)
  await app.sink.next(person.email)

  await second.getByRole('button', { name: says.dead.renew }).click()
  await expect(second).toHaveURL(`${app.url}/forgot-password/sent/`)
  expect((await app.sink.next(person.email)).link).toBeDefined()
})

test('only an address of a large provider leads to its inbox [U12]', async ({ page, says }) => {
  await page.goto('/forgot-password/')
  for (const [address, inbox] of [
    ['grace.hopper@gmail.com', 'https://mail.google.com/'],
    ['grace@example.com', undefined],
  ] as const) {
    await page.getByLabel(says.ask.field).fill(address)
    await page.getByRole('button', { name: says.ask.submit }).click()
    await expect(heading(page)).toHaveText(says.sent.title)
    const links = page.getByRole('main').getByRole('link')
    await expect(links).toHaveCount(inbox === undefined ? 0 : 1)
    if (inbox !== undefined) await expect(links).toHaveAttribute('href', inbox)
    await page.getByRole('button', { name: says.sent.change }).click()
  }
})

test('a link that a mail app opened may be left, come back to and reloaded; the page then says what to do [U12]', async ({
  page,
  app,
  otherSite,
  says,
}) => {
  const link = await linkTo(app, await app.addPerson())
  await page.goto(otherSite.url)
  await page.goto(link)
  await expect(heading(page)).toHaveText(says.reset.title)
  await page.goBack()
  await expect(page).toHaveURL(otherSite.url)
  await page.goForward()
  await expect(heading(page)).toHaveText(says.dead.missing)
  await page.reload()
  await expect(heading(page)).toHaveText(says.dead.missing)
  await expect(page.getByRole('link', { name: says.dead.ask })).toBeVisible()
  // What the page says is true.
  await page.goto(link)
  await expect(heading(page)).toHaveText(says.reset.title)
})

test('on a slow line both forms say that they are at work, and arrive [U12]', async ({ page, app, says }) => {
  test.slow()
  const person = await app.addPerson()
  const password = newPassword()
  const line = await page.context().newCDPSession(page)
  await line.send('Network.enable')
  await line.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 2000,
    downloadThroughput: 60_000,
    uploadThroughput: 10_000,
  })
  await page.goto('/forgot-password/', { waitUntil: 'networkidle' })
  await page.getByLabel(says.ask.field).fill(person.username)
  await Promise.all([
    expect(page.getByRole('button', { name: says.ask.busy })).toBeVisible(),
    page.getByRole('button', { name: says.ask.submit }).click(),
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

test('both forms work before their scripts have arrived, and what was typed till then stays [U12]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const password = newPassword()
  const { release } = await holdRequests(page, '**/_next/static/**/*.js')
  const open = (address: string) => page.goto(address, { waitUntil: 'commit' })

  await open('/forgot-password/')
  await page.getByLabel(says.ask.field).fill(person.username)
  await page.getByRole('button', { name: says.ask.submit }).click({ noWaitAfter: true })
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

test('of two tabs that asked, each gets a link, and using one of them ends both [T4, U12]', async ({
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const links: string[] = []
  const [first, second] = [await context.newPage(), await context.newPage()]
  for (const tab of [first, second]) {
    await tab.goto('/forgot-password/')
    await tab.getByLabel(says.ask.field).fill(person.username)
  }
  for (const tab of [first, second]) {
    await tab.getByRole('button', { name: says.ask.submit }).click()
    await expect(heading(tab)).toHaveText(says.sent.title)
    links.push((await app.sink.next(person.email)).link!)
  }
  await first.goto(links[0]!)
  await savePassword(first, says)
  await second.goto(links[1]!)
  await expect(heading(second)).toHaveText(says.dead.used)
})
