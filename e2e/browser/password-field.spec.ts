import { randomInt } from 'node:crypto'
import { signedLinks } from '@/e2e/support/signed-links'
import {
  collectRequests,
  expect,
  heading,
  passwordField,
  storedByBrowser,
  test,
} from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { newPassword } from '@/e2e/support/running-app'

test('the forms have the attributes that password managers need [U2, U4, U5]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await page.goto('/forgot-password/')
  await expect(page.getByLabel(says.request.field)).toHaveAttribute('autocomplete', 'username')

  await page.goto(await linkTo(app, person))
  const field = passwordField(page, says)
  await expect(field).toHaveAttribute('type', 'password')
  await expect(field).toHaveAttribute('autocomplete', 'new-password')
  await expect(field).toHaveAttribute('minlength', '15')
  await expect(field).toHaveAttribute('passwordrules', /minlength: 15;/)
  await expect(field).not.toHaveAttribute('maxlength')
  const username = page.locator('form input[autocomplete=username]')
  await expect(username).toHaveValue(person.username)
  await expect(username).toHaveAttribute('type', 'text')
  // Only password managers read it: it is hidden from view, keyboard and screen readers.
  await expect(username).toHaveAttribute('tabindex', '-1')
  expect(await page.getByRole('main').ariaSnapshot()).not.toContain('textbox "username"')
  await expect(page.getByRole('textbox')).toHaveCount(1)
})

test('the password can be shown, and is hidden again when it is sent [U6]', async ({ page, app, says }) => {
  await page.goto(await linkTo(app, await app.addPerson()))
  const field = passwordField(page, says)
  const show = page.getByRole('button', { name: says.reset.show })
  await expect(show).toHaveAttribute('type', 'button')
  await expect(show).toHaveAttribute('aria-pressed', 'false')
  await field.fill('open sesame')
  await show.press('Space')
  await expect(show).toHaveAttribute('aria-pressed', 'true')
  await expect(field).toHaveAttribute('type', 'text')
  await show.press('Enter')
  await expect(field).toHaveAttribute('type', 'password')
  await show.click()
  await expect(field).toHaveAttribute('type', 'text')
  await field.press('Enter')
  await expect(page.getByText(says.reset.tooShort)).toBeVisible()
  await expect(field).toHaveAttribute('type', 'password')
  await expect(field).toHaveValue('open sesame')
})

test('a common password is rejected with the reason and with advice [P7]', async ({ page, app, says }) => {
  await page.goto(await linkTo(app, await app.addPerson()))
  const field = passwordField(page, says)
  await field.fill('Qwerty123456789')
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(field).toBeFocused()
  await expect(field).toHaveAccessibleDescription(new RegExp(says.reset.common))
})

test('a pasted password is used in full, and one that is too long is rejected instead of cut [U1, P2]', async ({
  page,
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const clipboard = await context.newPage()
  const copy = async (text: string) => {
    await clipboard.bringToFront()
    await clipboard.setContent('<textarea></textarea>')
    await clipboard.getByRole('textbox').fill(text)
    await clipboard.keyboard.press('ControlOrMeta+a')
    await clipboard.keyboard.press('ControlOrMeta+c')
    await page.bringToFront()
  }
  const paste = async (into: ReturnType<typeof passwordField>) => {
    await into.focus()
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.press('ControlOrMeta+v')
  }

  await page.goto('/forgot-password/')
  await copy(person.email)
  await paste(page.getByLabel(says.request.field))
  await expect(page.getByLabel(says.request.field)).toHaveValue(person.email)

  await page.goto(await linkTo(app, person))
  const field = passwordField(page, says)
  const tooLong = 'correct horse '.repeat(25).slice(0, 300)
  await copy(tooLong)
  await paste(field)
  await expect(field).toHaveValue(tooLong)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(field).toHaveAccessibleDescription(new RegExp(`^${says.reset.tooLong}`))
  await expect(field).toBeFocused()
  await expect(field).toHaveValue(tooLong)

  const longest = newPassword().padEnd(256, ' 🦉').slice(0, 255) + '.'
  await copy(longest)
  await paste(field)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(await app.passwordIs(person, longest)).toBe(true)
  expect(await app.passwordIs(person, longest.slice(0, -1))).toBe(false)
})

test('the form shows its rules before anything is typed, and notes characters that are hard to type [U11, U12]', async ({
  page,
  app,
  says,
}) => {
  await page.goto(await linkTo(app, await app.addPerson()))
  const field = passwordField(page, says)
  await expect(field).toHaveAccessibleDescription(/At least 15 characters/)
  await expect(page.getByRole('status')).toHaveText('')
  await field.pressSequentially('grün wie Gras auf dem Hügel')
  await expect(page.getByRole('status')).toHaveText(says.reset.typing)
  await expect(field).toHaveAccessibleDescription(/At least 15 characters ?: done/)
})

test('a hint says how hard the typed password is to guess, and no request carries the password [U12]', async ({
  page,
  app,
  says,
}) => {
  const { easy, fair, hard } = says.reset.strength
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person), { waitUntil: 'networkidle' })
  const field = passwordField(page, says)
  const hint = page.locator('[aria-live=polite]').filter({ hasText: /./ })
  await expect(page.getByRole('main').locator('p[aria-live=polite]')).toHaveCount(1) // a live region from the start
  await expect(hint).toHaveCount(0)

  const requests = collectRequests(page)
  for (const [password, text] of [
    ['qwertyuiopasdfgh', easy],
    ['gravel 9f2 lantern', fair],
    ['correct horse battery staple', hard],
    [person.username, easy],
  ] as const) {
    await field.fill(password)
    await expect(hint).toHaveText(text)
  }
  await field.fill('')
  await expect(hint).toHaveCount(0)

  // Only the code of the estimate is requested, once; typed text is neither sent nor stored.
  const sent = await requests()
  expect(sent.length).toBeGreaterThan(0)
  expect(new Set(sent.map(({ url }) => url)).size).toBe(sent.length)
  for (const { url, method, text } of sent) {
    expect([method, new URL(url).pathname]).toEqual([
      'GET',
      expect.stringMatching(/^\/_next\/static\/chunks\//),
    ])
    expect(text).not.toMatch(/qwertyuiop|gravel|correct(%20|\+| )horse/)
  }
  expect(await storedByBrowser(page)).not.toMatch(/qwertyuiop|gravel|correct(%20|\+| )horse/)

  for (const derived of [
    'sunflower sunflower sunflower',
    'sunshine83726194',
    'rekey!rekey!rekey',
    '\u200b'.repeat(15),
  ]) {
    await field.fill(derived)
    await expect(hint).toHaveText(easy)
  }

  // The hint does not decide: the policy accepts this one.
  await field.fill('abdomen abdominal')
  await expect(hint).toHaveText(easy)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.done.title)
})

test('a page that cannot load the hint’s code still saves the password [U12]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person), { waitUntil: 'networkidle' })
  let aborted = 0
  await page.route('**/_next/static/chunks/**', (route) => {
    aborted += 1
    return route.abort()
  })
  const field = passwordField(page, says)
  const password = `Sommer ${randomInt(1e9)} Winter`
  await field.fill(password)
  await expect.poll(() => aborted).toBeGreaterThan(0)
  await expect(field).toHaveAccessibleDescription(/At least 15 characters ?: done/)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.done.title)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('every password that a manager generates by the rules of the form is accepted [U5]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person))
  const rules = (await passwordField(page, says).getAttribute('passwordrules')) ?? ''
  const links = signedLinks(app)
  for (let count = 0; count < 100; count += 1) {
    const password = generatePassword(rules)
    const answer = await app.post('reset-password', { ...(await links.linkOf(person)), password })
    expect([answer.status, answer.text], password).toEqual([200, '{"detail":"Reset password successful"}'])
  }
})

/** Generates a password as managers do (Apple, "Customizing Password AutoFill Rules"), by default of twenty characters. */
function generatePassword(rules: string): string {
  const classes: Record<string, string> = {
    lower: 'abcdefghijklmnopqrstuvwxyz',
    upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    digit: '0123456789',
    special: '-~!@#$%^&*_+=`|(){}[:;"\'<>,.?] ',
  }
  const charactersOf = (name: string) => classes[name] ?? name.replace(/^\[|\]$/g, '')
  const given = (name: string) =>
    rules
      .split(';')
      .map((rule) => rule.split(':').map((part) => part.trim()))
      .filter(([key]) => key === name)
      .map(([, value = '']) => value)
  const required = given('required').map((value) =>
    value
      .split(',')
      .map((name) => charactersOf(name.trim()))
      .join(''),
  )
  const allowed = given('allowed').flatMap((value) =>
    value.split(',').map((name) => charactersOf(name.trim())),
  )
  const [shortest, longest] = [Number(given('minlength')[0]), Number(given('maxlength')[0])]
  const length = [shortest, longest, Math.max(shortest, Math.min(20, longest))][Math.min(2, randomInt(10))]!
  const pick = (from: string) => from.charAt(randomInt(from.length))
  const characters = [...required.map(pick)]
  while (characters.length < length) characters.push(pick([...required, ...allowed].join('')))
  for (let at = characters.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1)
    ;[characters[at], characters[other]] = [characters[other]!, characters[at]!]
  }
  return characters.join('')
}
