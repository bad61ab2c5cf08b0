import {
  collectRequests,
  expect,
  heading,
  passwordField,
  storedByBrowser,
  test,
} from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { messagesIn } from '@/e2e/support/browser/messages-by-language'
import { savePassword, sendPassword } from '@/e2e/support/browser/steps'
import { newPassword } from '@/e2e/support/running-app'

test('the page removes the signature from the address bar, and no later request carries it [H5]', async ({
  page,
  app,
  says,
}) => {
  const link = await linkTo(app, await app.addPerson())
  const signature = new URL(link).searchParams.get('signature')!
  const requests = collectRequests(page)
  const carriers = async () =>
    (await requests())
      .filter(({ text }) => text.includes(signature))
      .map(({ method, url }) => `${method} ${url}`)

  await page.goto(link)
  await expect(page).toHaveURL(`${app.url}/reset-password/`)
  expect(await page.evaluate(() => [location.search, location.hash, history.state as unknown])).toEqual([
    '',
    '',
    null,
  ])
  expect(await storedByBrowser(page)).not.toContain(signature)

  // Neither a prefetch on hover nor a rejected password sends the signature again.
  await page.getByRole('link', { name: 'Back to sign-in' }).hover()
  await sendPassword(page, says, 'short')
  await expect(passwordField(page, says)).toBeFocused()
  await page.waitForLoadState('networkidle')
  expect(await carriers()).toEqual([`GET ${link}`])

  await page.reload()
  await expect(heading(page)).toHaveText(says.dead.missing)
  await page.getByRole('link', { name: says.dead.requestNew }).click()
  await expect(heading(page)).toHaveText(says.request.title)
  await page.goBack()
  await expect(heading(page)).toHaveText(says.dead.missing)
  expect(await storedByBrowser(page)).not.toContain(signature)
  expect(await carriers()).toEqual([`GET ${link}`])
})

test('changing the language requests the page again and leaves no signature in the browser [H5]', async ({
  page,
  app,
  says,
}) => {
  const link = await linkTo(app, await app.addPerson())
  const signature = new URL(link).searchParams.get('signature')!
  const requests = collectRequests(page)
  await page.goto(link)
  await page.getByText(says.languages).click()
  await page.getByRole('button', { name: 'Deutsch' }).click()
  await expect(heading(page)).toHaveText(messagesIn('de').reset.title)
  await expect(page).toHaveURL(`${app.url}/reset-password/`)
  const carriers = (await requests()).filter(({ text }) => text.includes(signature))
  expect(carriers.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
    'GET /reset-password/',
    'GET /reset-password/',
  ])
  expect(await page.evaluate(() => history.state as unknown)).toBe(null)
  expect(await storedByBrowser(page)).not.toContain(signature)
})

test('going back after a reset shows neither the link nor the password [H5]', async ({ page, app, says }) => {
  const link = await linkTo(app, await app.addPerson())
  const password = newPassword()
  await page.goto(link)
  await savePassword(page, says, password)
  await page.goBack()
  await expect(heading(page)).toHaveText(says.dead.missing)
  expect(await page.content()).not.toContain(password)
  expect(await storedByBrowser(page)).not.toContain(new URL(link).searchParams.get('signature')!)
})

test('the link to the sign-in page sends no referrer [H4]', async ({ page, app, otherSite }) => {
  await page.goto(await linkTo(app, await app.addPerson()))
  await page.getByRole('link', { name: 'Back to sign-in' }).click()
  await expect(heading(page)).toHaveText('Sign in')
  expect(otherSite.visits.at(-1)).toBeDefined()
  expect(otherSite.visits.at(-1)?.referer).toBeUndefined()
})

const pages = [
  '/forgot-password/',
  '/forgot-password/sent/',
  '/reset-password/',
  '/reset-password/done/',
  '/nothing/',
]

test('the browser runs no script that was injected into a page [H6]', async ({ page, app, complaints }) => {
  const injected = '<script>window.planted = true</script><svg onload="window.planted = true"></svg>'
  await page.route(
    (url) => url.origin === app.url && !url.pathname.startsWith('/_next/'),
    async (route) => {
      if (route.request().resourceType() !== 'document') return route.continue()
      const response = await route.fetch()
      const html = await response.text()
      expect(html).toContain('</body>')
      await route.fulfill({ response, body: html.replace('</body>', `${injected}</body>`) })
    },
  )
  for (const path of [...pages, await linkTo(app, await app.addPerson())]) {
    await page.goto(path)
    await expect(heading(page)).toBeVisible()
    expect(await page.evaluate(() => 'planted' in window), path).toBe(false)
    // The browser reports the injected script and handler.
    await expect.poll(() => complaints.length, { message: path }).toBe(2)
    for (const complaint of complaints.splice(0))
      expect(complaint, path).toMatch(/inline (script|event handler)/)
  }
})

test('each response has a new nonce and takes none from the request [H6, C20]', async ({ request, app }) => {
  const evil = { 'Content-Security-Policy': "script-src 'nonce-evil'", 'x-nonce': 'evil', 'X-Nonce': 'evil' }
  for (const path of [...pages, await linkTo(app, await app.addPerson())]) {
    const nonces = new Set<string>()
    for (const headers of [{}, evil]) {
      const answer = await request.get(path, { headers })
      const html = await answer.text()
      const policy = answer.headers()['content-security-policy'] ?? ''
      const nonce = /script-src 'nonce-([\w+/=]{22,})' 'strict-dynamic'(?:;|$)/.exec(policy)?.[1]
      expect(nonce, path).toBeDefined()
      expect(policy).not.toMatch(/unsafe-/)
      nonces.add(nonce!)
      const scripts = html.match(/<script\b[^>]*>/g) ?? []
      // The page of an unknown path has none.
      if (path !== '/nothing/') expect(scripts.length, path).toBeGreaterThan(0)
      for (const script of scripts) expect(script, path).toContain(`nonce="${nonce}"`)
      expect(html).not.toContain('evil')
      expect(answer.headers()['cache-control'], path).toBe('no-store') // H3
    }
    expect(nonces.size, path).toBe(2)
  }
})
