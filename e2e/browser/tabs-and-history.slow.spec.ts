import { expect, heading, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { requestLink, savePassword, sendPassword } from '@/e2e/support/browser/steps'
import { newPassword } from '@/e2e/support/running-app'

test('going back from "check your email" shows the typed login, selected for correction [U11]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await requestLink(page, says, 'a-slip-of-the-pen')
  await page.getByRole('button', { name: says.sent.change }).click()

  const login = page.getByLabel(says.request.field)
  await expect(page).toHaveURL(`${app.url}/forgot-password/`)
  await expect(login).toBeFocused()
  await expect(login).toHaveValue('a-slip-of-the-pen')
  // The login is selected: typing replaces it.
  await page.keyboard.type(person.username)
  await expect(login).toHaveValue(person.username)
  await login.press('Enter')
  await expect(page.getByRole('main')).toContainText(person.username)
  await page.getByRole('button', { name: says.sent.again }).click()
  await expect(page.getByRole('status')).toHaveText(says.sent.requestedAgain)
  await app.sink.next(person.email)
  await app.sink.next(person.email)

  // After a reload, the page no longer knows the login, and shows the rest without it.
  await page.reload()
  await expect(heading(page)).toHaveText(says.sent.title)
  await expect(page.getByRole('main')).not.toContainText(person.username)
})

test('"check your email" shows the requested login even after another one was typed into the form before it [U11]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const login = page.getByLabel(says.request.field)
  await requestLink(page, says, person.email)
  await page.goBack()
  await login.fill('never-requested')
  await page.goForward()
  await expect(heading(page)).toHaveText(says.sent.title)
  await expect(page.getByRole('main')).toContainText(person.email)
  await expect(page.getByRole('main')).not.toContainText('never-requested')
  const sent = page.waitForRequest('**/send-reset-password-link/**')
  await page.getByRole('button', { name: says.sent.again }).click()
  expect((await sent).postDataJSON()).toEqual({ login: person.email })
  await expect(page.getByRole('status')).toHaveText(says.sent.requestedAgain)
})

test('of two tabs with one link, the second shows that the link has been used [T4]', async ({
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

test('"check your email" links to the inbox of a large email provider, and of no other [U12]', async ({
  page,
  says,
}) => {
  await page.goto('/forgot-password/')
  for (const [address, inbox] of [
    ['grace.hopper@gmail.com', 'https://mail.google.com/'],
    ['grace@example.com', undefined],
  ] as const) {
    await page.getByLabel(says.request.field).fill(address)
    await page.getByRole('button', { name: says.request.submit }).click()
    await expect(heading(page)).toHaveText(says.sent.title)
    const links = page.getByRole('main').getByRole('link')
    await expect(links).toHaveCount(inbox === undefined ? 0 : 1)
    if (inbox !== undefined) await expect(links).toHaveAttribute('href', inbox)
    await page.getByRole('button', { name: says.sent.change }).click()
  }
})

test('coming back to a page whose link left the address says to open the email again, and that works [U12]', async ({
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
  await expect(page.getByRole('link', { name: says.dead.requestNew })).toBeVisible()
  await page.goto(link)
  await expect(heading(page)).toHaveText(says.reset.title)
})

test('two tabs each get a link for one account, and using one link invalidates both [T4, U12]', async ({
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const links: string[] = []
  const [first, second] = [await context.newPage(), await context.newPage()]
  for (const tab of [first, second]) {
    await tab.goto('/forgot-password/')
    await tab.getByLabel(says.request.field).fill(person.username)
  }
  for (const tab of [first, second]) {
    await tab.getByRole('button', { name: says.request.submit }).click()
    await expect(heading(tab)).toHaveText(says.sent.title)
    links.push((await app.sink.next(person.email)).link!)
  }
  await first.goto(links[0]!)
  await savePassword(first, says)
  await second.goto(links[1]!)
  await expect(heading(second)).toHaveText(says.dead.used)
})
