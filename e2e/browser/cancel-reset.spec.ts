import { delayRequests } from '@/e2e/support/browser/delayed-requests'
import { alertOf, expect, heading, storedByBrowser, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { newPassword, readLink } from '@/e2e/support/running-app'

for (const javaScriptEnabled of [true, false]) {
  test.describe(`a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    test.use({ javaScriptEnabled })

    test('"this wasn\'t me" invalidates the link of its email when the button is pressed and not before [T5, T13]', async ({
      page,
      request,
      app,
      says,
    }) => {
      const person = await app.addPerson()
      await app.post('send-reset-password-link', { login: person.username })
      const { link, cancelLink } = await app.sink.next(person.email)
      for (let look = 0; look < 3; look += 1) expect((await request.get(cancelLink!)).status()).toBe(200)
      const html = await (await request.get(cancelLink!)).text()
      for (const name of [person.username, person.email]) expect(html).not.toContain(name)
      expect(await (await request.get(link!)).text()).toContain(says.reset.title)

      await page.goto(cancelLink!)
      await expect(heading(page)).toHaveText(says.cancel.title)
      if (javaScriptEnabled) {
        await expect(page).toHaveURL(`${app.url}/cancel-reset/`) // H5
        expect(await storedByBrowser(page)).not.toContain(new URL(cancelLink!).searchParams.get('signature')!)
      }
      await page.getByRole('button', { name: says.cancel.submit }).click()
      await expect(heading(page)).toHaveText(says.cancel.done)
      await expect(page).toHaveURL(`${app.url}/cancel-reset/done/`)

      await page.goto(link!)
      await expect(heading(page)).toHaveText(says.dead.used)
      await page.goto(cancelLink!)
      await expect(heading(page)).toHaveText(says.cancel.used)
    })
  })
}

test('the owner undoes a password change from the email about it and gets a new link that works [S3]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const stolen = await linkTo(app, person)
  await app.post('reset-password', { ...readLink(stolen), password: newPassword() })
  const changed = await app.sink.next(person.email)
  await page.goto(changed.cancelLink!)
  await expect(heading(page)).toHaveText(says.cancel.title)
  await page.getByRole('button', { name: says.cancel.submitChanged }).click()
  await expect(heading(page)).toHaveText(says.cancel.done)
  await page.goto((await app.sink.next(person.email)).link!)
  await expect(heading(page)).toHaveText(says.reset.title)
})

test('an expired link in the email about a password change leads to a new link', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await page.goto(await linkTo(app, person, { purpose: 'cancel-change', age: 8 * 86400 }))
  await expect(heading(page)).toHaveText(says.cancel.expired)
  await expect(page.getByRole('main')).toContainText('If this wasn’t you, please act now.')
  await page.getByRole('link', { name: 'Ask for a new link' }).click()
  await expect(heading(page)).toHaveText(says.request.title)
})

test('a double click on "this wasn\'t me" sends one request, and a lost connection shows an error [U12]', async ({
  page,
  context,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const link = await linkTo(app, person, { purpose: 'cancel' })
  await page.goto(link)
  const stop = page.getByRole('button', { name: says.cancel.submit })
  await context.setOffline(true)
  await stop.click()
  await expect(alertOf(page)).toHaveText(says.troubles.offline)
  await context.setOffline(false)

  await page.goto(link)
  const { bodies, release } = await delayRequests(page, '**/cancel-reset-password/**')
  await stop.dblclick()
  const busy = page.getByRole('button', { name: says.request.busy })
  await expect(busy).toHaveAttribute('aria-disabled', 'true')
  await expect(busy).toBeFocused()
  release()
  await expect(heading(page)).toHaveText(says.cancel.done)
  expect(bodies).toHaveLength(1)

  // The address no longer has the link, and the page must not call the link damaged.
  await page.goBack()
  await expect(heading(page)).toHaveText(says.dead.missing)
  await page.reload()
  await expect(heading(page)).toHaveText(says.dead.missing)
})

test('"this wasn\'t me" in a second tab says that it is already done, and what else helps', async ({
  context,
  app,
  says,
}) => {
  const link = await linkTo(app, await app.addPerson(), { purpose: 'cancel' })
  const [first, second] = [await context.newPage(), await context.newPage()]
  for (const tab of [first, second]) {
    await tab.goto(link)
    await expect(heading(tab)).toHaveText(says.cancel.title)
  }
  await first.getByRole('button', { name: says.cancel.submit }).click()
  await expect(heading(first)).toHaveText(says.cancel.done)
  await second.getByRole('button', { name: says.cancel.submit }).click()
  await expect(heading(second)).toHaveText(says.cancel.used)
  await expect(heading(second)).toBeFocused()
  await expect(second).toHaveTitle(`${says.cancel.used} · Rekey`)
  await expect(second.getByRole('button')).toHaveCount(0)
  await expect(second.getByRole('main')).toContainText('open our newest email')
})
