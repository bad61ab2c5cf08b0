import { rmSync } from 'node:fs'
import { expect, heading, passwordField, test as journey } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { usualStates } from '@/e2e/support/browser/states'
import { requestLink, savePassword } from '@/e2e/support/browser/steps'
import { buildUnderPath } from '@/e2e/support/build-elsewhere'
import { hasNginx, startSharedHost, type SharedHost } from '@/e2e/support/shared-host'
import { newPassword, startApp } from '@/e2e/support/running-app'

// Behind nginx, on a host whose root belongs to another app, which must get no request.

/** Milliseconds. */
const buildTime = 600_000

type Shared = { host: SharedHost; directory: string }

const test = journey.extend<object, Shared>({
  directory: [
    async ({}, provide) => {
      const directory = buildUnderPath('http://localhost/account/')
      await provide(directory)
      rmSync(directory, { recursive: true, force: true })
    },
    { scope: 'worker', timeout: buildTime },
  ],
  host: [
    async ({}, provide) => {
      const host = await startSharedHost('/account')
      await provide(host)
      await host.close()
    },
    { scope: 'worker' },
  ],
  app: [
    async ({ host, directory, otherSite }, provide) => {
      const app = await startApp({
        cwd: directory,
        env: {
          PUBLIC_URL: `${host.url}/`,
          PORT: String(host.appPort),
          TRUSTED_PROXY_HOPS: '1',
          SIGN_IN_URL: otherSite.url,
          SUPPORT_EMAIL: 'Help desk <help@rekey.example>',
          SECURITY_CONTACT: 'security@example.com',
        },
      })
      await provide({ ...app, url: host.url })
      await app.stop()
    },
    { scope: 'worker', timeout: buildTime },
  ],
  page: async ({ page, host }, provide) => {
    const goto = page.goto.bind(page)
    page.goto = (url, options) => goto(url.startsWith('/') ? `${host.url}${url}` : url, options)
    await provide(page)
    expect(host.visits, 'requests that the app at the root of the host got').toEqual([])
  },
})

// CI must have nginx.
test.skip(!hasNginx && process.env.CI === undefined, 'nginx is not installed')

function outside(addresses: string[], url: string): string[] {
  const { origin } = new URL(url)
  return addresses.filter((address) => address.startsWith(origin) && !address.startsWith(`${url}/`))
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(`a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    test.use({ javaScriptEnabled })

    test('every step of a reset stays under the path of PUBLIC_URL [V8]', async ({ page, app, says }) => {
      test.slow()
      const person = await app.addPerson()
      const password = newPassword()

      await page.goto('/')
      await expect(page).toHaveURL(`${app.url}/forgot-password/`)
      await requestLink(page, says, person.username)
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      const email = await app.sink.next(person.email)
      const { link } = email
      expect(link).toContain(`${app.url}/reset-password/?user_id=`)
      expect(email.cancelLink).toContain(`${app.url}/cancel-reset/?user_id=`)

      await page.goto(link!)
      await expect(heading(page)).toHaveText(says.reset.title)
      // The page removes the signature from the address bar, and keeps the path (ASVS 14.2.1).
      if (javaScriptEnabled) await expect(page).toHaveURL(`${app.url}/reset-password/`)
      await passwordField(page, says).fill('123456789012345678')
      await page.getByRole('button', { name: says.reset.submit }).click()
      await expect(passwordField(page, says)).toHaveAccessibleDescription(new RegExp(`^${says.reset.digits}`))
      await savePassword(page, says, password)
      await expect(page).toHaveURL(`${app.url}/reset-password/done/`)
      expect(await app.passwordIs(person, password)).toBe(true)

      const changed = await app.sink.next(person.email)
      expect(changed.cancelLink).toContain(`${app.url}/cancel-reset/?user_id=`)
      for (const { mail } of [email, changed])
        expect(
          outside(`${mail.text} ${String(mail.html)}`.match(/https?:[^\s"<>]+/g) ?? [], app.url),
        ).toEqual([])

      await page.goto(link!)
      await page.getByRole('button', { name: says.dead.renew }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/`)
      await page.goto((await app.sink.next(person.email)).link!)
      await expect(heading(page)).toHaveText(says.reset.title)
    })

    test('"this wasn\'t me" stays under the path of PUBLIC_URL [V8]', async ({ page, app, says }) => {
      await page.goto(await linkTo(app, await app.addPerson(), { purpose: 'cancel' }))
      await page.getByRole('button', { name: says.cancel.submit }).click()
      await expect(page).toHaveURL(`${app.url}/cancel-reset/done/`)
      await expect(heading(page)).toHaveText(says.cancel.done)
    })

    test('a language that is chosen under the path of PUBLIC_URL stays chosen [V8]', async ({
      page,
      app,
      says,
    }) => {
      await page.goto('/forgot-password/')
      await page.getByText(says.languages).click()
      await page.getByRole('button', { name: 'Deutsch' }).click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/?lang=de`)
      await expect(page.locator('html')).toHaveAttribute('lang', 'de')
      await page.locator('#login').fill('nobody')
      await page.locator('main form button').click()
      await expect(page).toHaveURL(`${app.url}/forgot-password/sent/?lang=de`)
    })
  })
}

test('every address on every page is under the path of PUBLIC_URL [V8]', async ({ page, app, says }) => {
  test.slow()
  for (const state of usualStates) {
    await state.reach({ page, app, says } as Parameters<typeof state.reach>[0])
    await heading(page)
      .filter({ hasText: state.title(says) })
      .waitFor()
    const addresses = await page
      .locator('[href], [src], [action], [formaction], [srcset], [poster]')
      .evaluateAll((elements) =>
        elements.flatMap((element) =>
          ['href', 'src', 'action', 'formaction', 'srcset', 'poster']
            .filter((name) => element.hasAttribute(name))
            .map((name) => new URL(element.getAttribute(name)!, document.baseURI).href),
        ),
      )
    expect([state.name, outside(addresses, app.url), addresses.length > 3]).toEqual([state.name, [], true])
  }
})

test('change-password and security.txt work at the root of the host if the proxy routes them there [V8]', async ({
  page,
  app,
  host,
  says,
}) => {
  await page.goto(`${host.origin}/.well-known/change-password`)
  await expect(page).toHaveURL(`${app.url}/forgot-password/`)
  await expect(heading(page)).toHaveText(says.request.title)
  const file = await page.request.get(`${host.origin}/.well-known/security.txt`)
  expect(await file.text()).toContain(`Canonical: ${host.origin}/.well-known/security.txt`)
})

test('the path itself, files and health checks respond as on a host of their own [V8]', async ({
  page,
  app,
  host,
}) => {
  expect(app.output()).toContain(`Rekey is serving on http://127.0.0.1:${host.appPort}/account\n`)
  const get = (path: string) => page.request.get(`${host.origin}${path}`, { maxRedirects: 0 })
  expect((await get('/account?lang=de')).headers().location).toBe('/account/forgot-password/?lang=de')
  expect((await get('/account/icon.svg')).headers()['content-type']).toBe('image/svg+xml')
  for (const health of ['live', 'ready'])
    expect((await get(`/account/api/health/${health}`)).status()).toBe(200)
  const document = await get('/account/forgot-password')
  expect(document.status()).toBe(200)
  const [file] = /\/account\/_next\/static\/[^"]+\.css/.exec(await document.text()) ?? ['']
  expect((await get(file)).headers()['cache-control']).toBe('public, max-age=31536000, immutable')
  expect(document.headers()['content-security-policy']).toContain(`form-action ${app.url}/;`)
  expect((await get('/account/nothing-here/')).status()).toBe(404)
})
