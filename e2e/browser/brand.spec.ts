import type { Page } from 'playwright/test'
import { expect, heading, test as journey } from '@/e2e/support/browser/journey'
import { startApp, type RunningApp } from '@/e2e/support/running-app'

const test = journey.extend<object, { branded: RunningApp }>({
  branded: [
    async ({ otherSite }, provide) => {
      const branded = await startApp({
        env: {
          APP_NAME: 'Acme',
          LOGO_URL: '/logo.svg',
          BRAND_COLOR: '#7a1fa2',
          SIGN_IN_URL: otherSite.url,
          EMAIL_COOLDOWN: '60s',
          SUPPORT_EMAIL: 'Acme Help <help@acme.example>',
        },
      })
      await provide(branded)
      await branded.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ branded }, provide) => provide(branded.url),
})

async function serveLogo(page: Page, arrival?: Promise<void>): Promise<void> {
  await page.route('**/logo.svg', async (route) => {
    await arrival
    await route.fulfill({
      headers: {
        'Content-Type': 'image/svg+xml',
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
      },
      body: '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80"><rect width="80" height="80"/></svg>',
    })
  })
}

async function expectBranding(page: Page, button: string): Promise<void> {
  const banner = page.getByRole('banner')
  await expect(page).toHaveTitle(/ · Acme$/)
  await expect(banner).toContainText('Acme')
  await expect(banner.locator('img')).toHaveAttribute('src', '/logo.svg')
  await expect(page.locator('link[rel=icon]')).toHaveAttribute('href', '/logo.svg')
  await expect(page.getByRole('button', { name: button })).toHaveCSS('background-color', 'rgb(122, 31, 162)')
  await expect(page.getByRole('contentinfo').getByRole('link').first()).toHaveText('help@acme.example')
}

test('pages, the error page included, show the name, logo, colour and addresses of the team', async ({
  page,
  otherSite,
  says,
  complaints,
}) => {
  await serveLogo(page)
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  await page.goto('/forgot-password/')
  await expectBranding(page, says.request.submit)
  await expect(page.getByRole('contentinfo').getByRole('link').nth(1)).toHaveAttribute('href', otherSite.url)

  // As in a browser without this function, which the next page needs.
  await page.evaluate(() => Reflect.deleteProperty(Intl, 'RelativeTimeFormat'))
  await page.getByLabel(says.request.field).fill('somebody')
  await page.getByRole('button', { name: says.request.submit }).click()
  await expect(heading(page)).toHaveText(says.crash.title)
  await expectBranding(page, says.crash.retry)
  expect(complaints.splice(0).join()).toContain('RelativeTimeFormat')
})

test('the page keeps room for a square logo before the logo has loaded', async ({ page }) => {
  let arrive = () => {}
  await serveLogo(page, new Promise((resolve) => (arrive = resolve)))
  await page.goto('/forgot-password/', { waitUntil: 'commit' })
  const name = page.getByRole('banner').getByText('Acme')
  const logo = page.getByRole('banner').locator('img')
  const before = await name.boundingBox()
  expect(await logo.evaluate((image: HTMLImageElement) => image.complete)).toBe(false)
  arrive()
  await logo.evaluate((image: HTMLImageElement) => image.decode())
  expect(await name.boundingBox()).toEqual(before)
})

journey('the icon of the tab is Rekey’s own where no logo is configured', async ({ page }) => {
  await page.goto('/forgot-password/')
  await expect(page.locator('link[rel=icon]')).toHaveAttribute('href', /^\/icon\.svg/)
})

test('Rekey’s own icon has the colour of the team', async ({ branded }) => {
  const icon = await fetch(`${branded.url}/icon.svg`)
  expect(icon.headers.get('content-type')).toBe('image/svg+xml')
  expect(await icon.text()).toContain('fill="#7a1fa2"')
})

test('the theme colour for the browser’s frame is the background colour of the page', async ({ page }) => {
  await page.goto('/forgot-password/')
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [390, 1280]) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      const [around, edge] = await page.evaluate(() => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d')!
        const paint = (color: string) => {
          canvas.fillStyle = color
          canvas.fillRect(0, 0, 1, 1)
          return [...canvas.getImageData(0, 0, 1, 1).data].join()
        }
        const metas = [...document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')]
        return [
          paint(metas.find(({ media }) => matchMedia(media).matches)!.content),
          paint(getComputedStyle(document.body).backgroundColor),
        ]
      })
      expect(around, `${colorScheme}, ${width} px wide`).toBe(edge)
    }
})

test('headings have reduced letter spacing only in scripts that allow it', async ({ page }) => {
  const spacing = async (language: string) => {
    await page.goto(`/forgot-password/?lang=${language}`)
    return heading(page).evaluate((title) => getComputedStyle(title).letterSpacing)
  }
  for (const language of ['en', 'uk']) expect(parseFloat(await spacing(language))).toBeLessThan(0)
  for (const language of ['ar', 'he', 'hi', 'ja', 'zh-Hant'])
    expect(await spacing(language), language).toBe('normal')
})
