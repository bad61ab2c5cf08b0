import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test as base, type BrowserContext, type Page, type Request } from 'playwright/test'
import { languages } from '@/lib/i18n/locales'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { messagesIn } from './messages-by-language'
import type { Messages } from './messages'

/** Another site: the page that SIGN_IN_URL links to, or what a test puts there. */
export type OtherSite = {
  /** Has another origin than the app. */
  url: string
  /** The same pages under a host name that is also of another site than the app (cross-site). */
  foreignUrl: string
  html: string
  /** The headers of the requests, except for the favicon. */
  visits: IncomingHttpHeaders[]
}

type OfWorker = { app: RunningApp; otherSite: OtherSite }
type OfTest = {
  says: Messages
  /** What the browser reported, and broken rules for all pages. A test that causes some removes them. */
  complaints: string[]
}

/** Browser tests share one app a worker. After each test, no complaint and no cookie may be left. */
export const test = base.extend<OfTest, OfWorker>({
  otherSite: [
    async ({}, provide) => {
      const server = createServer((request, answer) => {
        if (request.url !== '/favicon.ico') site.visits.push(request.headers)
        answer
          .setHeader('Content-Type', 'text/html')
          .end(`<!doctype html><title>Elsewhere</title>${site.html}`)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const site: OtherSite = {
        url: `http://127.0.0.1:${port}/`,
        foreignUrl: `http://localhost:${port}/`,
        html: '<h1>Sign in</h1>',
        visits: [],
      }
      await provide(site)
      server.close()
    },
    { scope: 'worker' },
  ],
  app: [
    async ({ otherSite }, provide) => {
      const app = await startApp({
        env: { SIGN_IN_URL: otherSite.url, SUPPORT_EMAIL: 'Help desk <help@rekey.example>' },
      })
      await provide(app)
      await app.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ app }, provide) => provide(app.url),
  says: async ({ locale }, provide) => {
    const language = languages.find((language) => `${locale}-`.startsWith(`${language}-`))
    await provide(messagesIn(language ?? 'en'))
  },
  complaints: [
    async ({ context, baseURL, otherSite }, provide) => {
      const complaints = listen(context, baseURL!, otherSite)
      await provide(complaints)
      expect(complaints, 'complaints of the browser (H3, H4, H6)').toEqual([])
      expect(await context.cookies(), 'cookies (S2, H8)').toEqual([])
    },
    { auto: true },
  ],
})

export { expect }

function listen(context: BrowserContext, ours: string, { url, foreignUrl }: OtherSite): string[] {
  const complaints: string[] = []
  const otherSites = [url, foreignUrl]
  const isOurs = (url: string) => url.startsWith(`${ours}/`)
  context.on('console', (message) => {
    // Tests cause error responses on purpose. The frame of an email blocks all scripts, those of Playwright too.
    const isExpected = /^Failed to load resource|^Blocked script execution in '[^']*\/dev\/mailbox\//.test(
      message.text(),
    )
    const isAnError = message.type() === 'error' && !isExpected
    const isOnOurs = isOurs(message.page()?.url() ?? '')
    if (/content.security.policy/i.test(message.text()) || (isAnError && isOnOurs))
      complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  context.on('request', (request) => {
    const leaves = request.isNavigationRequest() && otherSites.includes(request.url())
    if (
      isOurs(frameUrl(request)) &&
      !isOurs(request.url()) &&
      !leaves &&
      !/^(data|blob):/.test(request.url())
    )
      complaints.push(`requested ${request.url()}`)
  })
  context.on('response', (response) => {
    const { 'cache-control': cache, 'referrer-policy': referrer } = response.headers()
    if (!isOurs(response.url()) || response.url().includes('/_next/static/')) return
    if (cache !== 'no-store') complaints.push(`${response.url()} may be cached: ${cache}`)
    if (referrer !== 'no-referrer') complaints.push(`${response.url()} allows referrers: ${referrer}`)
  })
  return complaints
}

/** The page that sends a request; empty while its frame has no page yet. */
function frameUrl(request: Request): string {
  try {
    return request.frame().url()
  } catch {
    return ''
  }
}

export function heading(page: Page) {
  return page.getByRole('heading', { level: 1 })
}

/** In `main`, because Next has an alert region of its own outside. */
export function alertOf(page: Page) {
  return page.getByRole('main').getByRole('alert')
}

export function passwordField(page: Page, says: Messages) {
  return page.getByLabel(says.reset.password, { exact: true })
}

/** What the browser stores of the pages of a tab, as one text to search (ASVS 14.3.3). */
export async function storedByBrowser(page: Page): Promise<string> {
  const stored = await page.evaluate(async () => ({
    address: location.href,
    referrer: document.referrer,
    state: history.state as unknown,
    windowName: window.name,
    cookies: document.cookie,
    local: { ...localStorage },
    session: { ...sessionStorage },
    caches: await caches.keys(),
    databases: await indexedDB.databases(),
    entries: navigation.entries().map((entry) => [entry.url, entry.getState()]),
  }))
  return JSON.stringify(stored)
}

export function collectRequests(page: Page): () => Promise<{ url: string; method: string; text: string }[]> {
  const requests: Promise<{ url: string; method: string; text: string }>[] = []
  page.on('request', (request) => {
    const [url, method] = [request.url(), request.method()]
    requests.push(
      request.allHeaders().then(
        (headers) => ({ url, method, text: JSON.stringify([url, headers, request.postData()]) }),
        () => ({ url, method, text: url }),
      ),
    )
  })
  return () => Promise.all(requests)
}
