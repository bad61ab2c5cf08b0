import { expectNoViolations } from '@/e2e/support/browser/checks'
import { alertOf, expect, heading, passwordField, test as journey } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { messagesIn } from '@/e2e/support/browser/messages-by-language'
import { requestLink } from '@/e2e/support/browser/steps'
import { startProxiedApp, type ProxiedApp } from '@/e2e/support/browser/proxied-app'
import { newPassword } from '@/e2e/support/running-app'

const test = journey.extend<object, { strict: ProxiedApp }>({
  strict: [
    async ({}, provide) => {
      const strict = await startProxiedApp({
        LIMIT_REQUESTS_PER_LOGIN: '1/10m',
        LIMIT_ATTEMPTS_PER_LINK: '1/1h',
        EMAIL_COOLDOWN: '60s',
        SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true',
        RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: 'true',
        RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
      })
      await provide(strict)
      await strict.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ strict }, provide) => provide(strict.app.url),
})

for (const javaScriptEnabled of [true, false]) {
  test.describe(`a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    test.use({ javaScriptEnabled })
    const throttled = javaScriptEnabled ? ('throttledFor' as const) : ('throttled' as const)

    test('the request form shows when a login has reached its rate limit, and when to try again [U7]', async ({
      page,
      strict,
      says,
    }) => {
      const { email } = await strict.app.addPerson()
      await page.goto('/forgot-password/')
      const field = page.getByLabel('Email address')
      await expect(field).toHaveAttribute('type', 'email') // U2
      for (let nth = 0; nth < 2; nth += 1) {
        await page.goto('/forgot-password/')
        await field.fill(email)
        await page.getByRole('button', { name: says.request.submit }).click()
        if (nth > 0) continue
        await expect(heading(page)).toHaveText(says.sent.title)
        await expect(page.getByText('Try another address', { exact: true })).toBeVisible()
      }
      await expect(alertOf(page)).toHaveText(says.troubles[throttled])
      await expect(field).toHaveValue(javaScriptEnabled ? email : '')
      if (javaScriptEnabled) await expectNoViolations(page, 'throttled')
    })

    test('an installation that reveals unknown accounts shows the error at the field [U7]', async ({
      page,
      says,
    }) => {
      await page.goto('/forgot-password/')
      const field = page.getByLabel('Email address')
      await field.fill(`nobody-${javaScriptEnabled}@example.com`)
      await page.getByRole('button', { name: says.request.submit }).click()
      await expect(field).toHaveAccessibleDescription(new RegExp(`^${says.request.unknown}`))
      await expect(field).toHaveAttribute('aria-invalid', 'true')
      await expect(field).toBeFocused()
      expect(page.url()).not.toContain('nobody')
    })

    test('the password form shows why a second factor failed [U7]', async ({ page, strict, says }) => {
      const link = await linkTo(strict.app, await strict.app.addPerson())
      await page.goto(`${link}&error=second-factor-required`)
      await expect(alertOf(page)).toHaveText(says.troubles.secondFactor)
      await page.goto(`${link}&error=second-factor-exhausted`)
      await expect(alertOf(page)).toHaveText(says.troubles.exhausted)
    })

    test('the password form shows when a link has had too many attempts, and the link still works [U7, P12]', async ({
      page,
      strict,
      says,
    }) => {
      const person = await strict.app.addPerson()
      await page.goto(await linkTo(strict.app, person))
      const field = passwordField(page, says)
      const confirm = page.getByLabel(says.reset.confirm)
      await expect(confirm).toHaveAttribute('autocomplete', 'new-password') // U2
      const save = page.getByRole('button', { name: says.reset.submit })

      await field.fill(newPassword())
      await confirm.fill(newPassword())
      await save.click()
      await expect(confirm).toHaveAccessibleDescription(says.reset.mismatch)
      await expect(confirm).toHaveAttribute('aria-invalid', 'true')
      // Without JavaScript, both passwords must be typed again, the first one first.
      await expect(javaScriptEnabled ? confirm : field).toBeFocused()
      if (javaScriptEnabled) await expectNoViolations(page, 'mismatch')

      for (let attempt = 0; attempt < 2; attempt += 1) {
        await field.fill(`my-${person.username}`)
        await confirm.fill(`my-${person.username}`)
        const answered = page.waitForResponse((response) => response.request().method() === 'POST')
        await save.click()
        await answered
      }
      await expect(alertOf(page)).toHaveText(says.troubles[throttled])

      const password = newPassword()
      await field.fill(password)
      await confirm.fill(password)
      await save.click()
      await expect(heading(page)).toHaveText(says.done.title)
      expect(await strict.app.passwordIs(person, password)).toBe(true)
    })

    test('pages report a database that is down, keep what was typed and work again once it is back [U7, F7]', async ({
      page,
      context,
      strict: { app, proxy },
      says,
    }) => {
      const person = await app.addPerson()
      const password = newPassword()
      const link = await linkTo(app, person)
      const reset = await context.newPage()
      await page.goto('/forgot-password/')
      await reset.goto(link)

      await proxy.cut()
      try {
        await page.getByLabel('Email address').fill(person.email)
        await page.getByRole('button', { name: says.request.submit }).click()
        await expect(alertOf(page)).toHaveText(says.troubles.unavailable)
        if (javaScriptEnabled) await expectNoViolations(page, 'the database is down')

        for (const label of [says.reset.password, says.reset.confirm])
          await reset.getByLabel(label, { exact: true }).fill(password)
        await reset.getByRole('button', { name: says.reset.submit }).click()
        if (javaScriptEnabled) {
          await expect(alertOf(reset)).toHaveText(says.troubles.unavailable)
          await expect(passwordField(reset, says)).toHaveValue(password)
        } else {
          // The page of the form needs the database to verify its link.
          await expect(heading(reset)).toHaveText(says.dead.away)
        }
        await page.goto(link)
        await expect(heading(page)).toHaveText(says.dead.away)
        if (javaScriptEnabled) await expectNoViolations(page, 'a link that cannot be verified')
      } finally {
        await proxy.restore()
      }

      await expect(async () => {
        await page.getByRole('button', { name: says.dead.retry }).click()
        await expect(heading(page)).toHaveText(says.reset.title, { timeout: 2000 })
      }).toPass()
      if (!javaScriptEnabled) await reset.getByRole('button', { name: says.dead.retry }).click()
      for (const label of [says.reset.password, says.reset.confirm])
        await reset.getByLabel(label, { exact: true }).fill(password)
      await reset.getByRole('button', { name: says.reset.submit }).click()
      await expect(heading(reset)).toHaveText(says.done.title)
      expect(await app.passwordIs(person, password)).toBe(true)
    })
  })
}

test('one click verifies a link again that could not be verified before, in the chosen language [F7]', async ({
  page,
  strict: { app, proxy },
}) => {
  const german = messagesIn('de')
  const person = await app.addPerson()
  for (const [link, title] of [
    [await linkTo(app, person), german.reset.title],
    [await linkTo(app, person, { purpose: 'cancel' }), german.cancel.title],
  ] as const) {
    await proxy.cut()
    try {
      await page.goto(`${link}&lang=de`)
      await expect(heading(page)).toHaveText(german.dead.away)
    } finally {
      await proxy.restore()
    }
    await expect(async () => {
      await page.getByRole('button', { name: german.dead.retry }).click()
      await expect(heading(page)).toHaveText(title, { timeout: 2000 })
    }).toPass()
  }
})

test('the error page is in the chosen language', async ({ page, strict, complaints }) => {
  const german = messagesIn('de')
  await page.goto('/forgot-password/?lang=de')
  await page.evaluate(() => Reflect.deleteProperty(Intl, 'RelativeTimeFormat'))
  await page.getByLabel('E-Mail-Adresse').fill((await strict.app.addPerson()).email)
  await page.getByRole('button', { name: german.request.submit }).click()
  await expect(heading(page)).toHaveText(german.crash.title)
  expect(complaints.splice(0).length).toBeGreaterThan(0)
})

test('during the cool-down the page itself answers "Send it again", and says when the cool-down is over [U12]', async ({
  page,
  strict,
  says,
}) => {
  const { email } = await strict.app.addPerson()
  await page.clock.install()
  await requestLink(page, says, email, { field: 'Email address' })
  const requests: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  const again = page.getByRole('button', { name: says.sent.again })
  await expect(again).toHaveAttribute('aria-disabled', 'true')
  await again.press('Enter')
  await expect(page.getByRole('status')).toHaveText(says.sent.tooSoon)
  await expect(again).toBeFocused()
  await page.clock.fastForward(61_000)
  await expect(page.getByRole('status')).toHaveText('You can ask again now.')
  await expect(again).not.toHaveAttribute('aria-disabled', 'true')
  expect(requests).toEqual([])

  // After a rejection with 429, the page waits as long as the response says.
  await again.click()
  await expect(alertOf(page)).toHaveText(says.troubles.throttledFor)
  expect(requests).toHaveLength(1)
  await expect(again).toHaveAttribute('aria-disabled', 'true')
  await again.press('Enter')
  await expect(page.getByRole('status')).toHaveText(/you can ask again in \d+ minutes\.$/)
  expect(requests).toHaveLength(1)
  await page.clock.fastForward('10:01')
  await expect(page.getByRole('status')).toHaveText('You can ask again now.')
  await expect(alertOf(page)).toHaveText('')
})

test('the cool-down continues while the visitor goes back to the form, and a reload shows it again [U12]', async ({
  page,
  strict,
  says,
}) => {
  const { email } = await strict.app.addPerson()
  await page.clock.install()
  await requestLink(page, says, email, { field: 'Email address' })
  await page.goBack()
  await expect(heading(page)).toHaveText(says.request.title)
  await page.clock.fastForward(40_000)
  await page.goForward()
  const again = page.getByRole('button', { name: says.sent.again })
  await again.press('Enter')
  await expect(page.getByRole('status')).toHaveText(/you can ask again in (1?\d|20) seconds\.$/)
  await page.goBack()
  await page.clock.fastForward(21_000)
  await page.goForward()
  await expect(again).not.toHaveAttribute('aria-disabled', 'true')

  await page.reload()
  await expect(page.getByRole('main')).toContainText('You can ask again in 60 seconds.')
  await page.getByRole('link', { name: says.sent.requestAgain }).click()
  await expect(heading(page)).toHaveText(says.request.title)
})

test('a page shows that its link has become invalid, or that its account no longer exists', async ({
  page,
  strict: { app },
  says,
}) => {
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person))
  // U4: where only addresses are logins, password managers store the password with the address.
  await expect(page.locator('input[name=username]')).toHaveValue(person.email)
  await page.route('**/reset-password/', async (route) => {
    const fields = route.request().postDataJSON() as Record<string, string>
    await route.continue({ postData: JSON.stringify({ ...fields, signature: 'of-another-key' }) })
  })
  const password = newPassword()
  await passwordField(page, says).fill(password)
  await page.getByLabel(says.reset.confirm).fill(password)
  await page.getByRole('button', { name: says.reset.submit }).click()
  await expect(heading(page)).toHaveText(says.dead.damaged)
  await expect(heading(page)).toBeFocused()

  await page.goto(await linkTo(app, person, { age: 3700 }))
  await app.sql.query('UPDATE "rekey"."users" SET "is_active" = false WHERE "id" = $1', [person.id])
  await page.getByRole('button', { name: says.dead.renew }).click()
  await expect(alertOf(page)).toHaveText(says.troubles.gone)
})
