import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test as base, type BrowserContext, type Page, type Request } from 'playwright/test'
import { languages } from '@/lib/i18n/locales'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { wordsIn } from './spoken-words'
import type { Words } from './messages'

/** A site of somebody else: the page that SIGN_IN_URL leads to, and whatever a test puts on it. */
export type OtherSite = {
  /** On another origin than the app. */
  url: string
  /** The same site under a name that makes it foreign to the app by site as well. */
  foreignUrl: string
  /** What is shown at every path. */
  html: string
  /** The headers of every page that was asked for, newest last. */
  visits: IncomingHttpHeaders[]
}

type OfWorker = { app: RunningApp; otherSite: OtherSite }
type OfTest = {
  /** What pages and emails say in the language of this test's browser. */
  says: Words
  /** What the browser had to complain of. No page may cause any; a test that provokes some takes them out. */
  complaints: string[]
}

/**
 * Journeys share one app a worker, started as `npm start` starts it. Whatever a test is about, its pages load nothing
 * from elsewhere, may be kept by no cache, break no rule of their content security policy, throw nothing and leave no
 * cookie.
 */
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
    await provide(wordsIn(language ?? 'en'))
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
    // An answer that is no success is one that a test asked for; an email's frame that lets no script run, not even the
    // ones with which a test looks into it, is as it should be.
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
      complaints.push(`asked ${request.url()} for something`)
  })
  context.on('response', (response) => {
    const { 'cache-control': cache, 'referrer-policy': referrer } = response.headers()
    if (!isOurs(response.url()) || response.url().includes('/_next/static/')) return
    if (cache !== 'no-store') complaints.push(`${response.url()} may be cached: ${cache}`)
    if (referrer !== 'no-referrer')
      complaints.push(`${response.url()} tells where people come from: ${referrer}`)
  })
  return complaints
}

/** The page that makes a request; none where a frame is only about to become one. */
function frameUrl(request: Request): string {
  try {
    return request.frame().url()
  } catch {
    return ''
  }
}

/** The page's one heading. */
export function heading(page: Page) {
  return page.getByRole('heading', { level: 1 })
}

/** Where a form says what is wrong with it as a whole; Next keeps a region of its own elsewhere on the page. */
export function alertOf(page: Page) {
  return page.getByRole('main').getByRole('alert')
}

/** The field for the new password. */
export function passwordField(page: Page, says: Words) {
  return page.getByLabel(says.reset.password, { exact: true })
}

/** All that a browser keeps of the pages of a tab, as text to search through (ASVS 14.3.3). */
export async function remembered(page: Page): Promise<string> {
  const kept = await page.evaluate(async () => ({
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
  return JSON.stringify(kept)
}

/** Everything that the tab asks a server for from now on: method, address, headers and body as text. */
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
