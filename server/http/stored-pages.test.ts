import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createResponseClass } from './response-headers'
import { setRequestHeader } from './request-headers'
import { createRouteMatcher, createStoredPagesHandler } from './stored-pages'

const route = (regex: string) => ({ regex })
const isRoute = createRouteMatcher(
  {
    staticRoutes: [route('^/forgot\\-password(?:/)?$'), route('^/reset\\-password(?:/)?$')],
    dynamicRoutes: [route('^/dev/mailbox/([^/]+?)(?:/)?$')],
  },
  new Set(['/logo.svg']),
)

/** The requests that reached the stand-in for Next. */
let rendered: Pick<IncomingMessage, 'url' | 'method' | 'headers'>[]
let failures: number
beforeEach(() => {
  rendered = []
  failures = 0
})

const serve = createStoredPagesHandler(
  isRoute,
  { basePath: '/id', defaultLocale: 'en' },
  ({ url, method, headers }, response) => {
    rendered.push({ url, method, headers })
    const nonce = String(headers['x-nonce'])
    response.statusCode = failures-- > 0 ? 500 : url?.includes('not-found') ? 404 : 200
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.flushHeaders()
    response.write(
      `<link rel="stylesheet" nonce="${nonce}" href="/a.css"><link rel="preload" as="script" href="/a.js">`,
    )
    response.end(
      `<script nonce="${nonce}">go('${String(headers['accept-language'])}', '\\u003c/script>')\n</script><p>page</p>`,
    )
  },
)

let origin: string
const ResponseClass = createResponseClass({
  mode: 'production',
  publicOrigin: 'https://id.example.com',
  basePath: '/id',
  hsts: 'off',
  allowedOrigins: [],
  dev: false,
  lingerTime: 100,
  draining: () => false,
})
const server = createServer<typeof IncomingMessage, typeof ResponseClass>(
  { ServerResponse: ResponseClass },
  (request, response) => {
    const [, language] = /lang=(\w+)/.exec(request.url!) ?? []
    if (language !== undefined) setRequestHeader(request, 'x-rekey-language', language)
    setRequestHeader(request, 'x-nonce', response.nonce)
    void serve(request, response)
  },
)
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(origin + path, { method, headers })
  const [, nonce] = /'nonce-([^']+)'/.exec(response.headers.get('content-security-policy') ?? '') ?? []
  return { status: response.status, headers: response.headers, nonce: nonce!, text: await response.text() }
}

test('a page is rendered once for each language, and each response has a new nonce', async () => {
  const [first, second] = [await get('/id/forgot-password/'), await get('/id/forgot-password/')]
  await get('/id/forgot-password/', { 'Accept-Language': 'de-AT' })
  await get('/id/forgot-password/', { 'Accept-Language': 'de' })
  await get('/id/forgot-password/?lang=fr')
  expect(rendered.map(({ headers }) => [headers['accept-language'], headers['x-rekey-language']])).toEqual([
    ['en', undefined],
    ['de', undefined],
    ['en', 'fr'],
  ])
  expect(first.nonce).not.toBe(second.nonce)
  for (const { nonce, text } of [first, second]) {
    expect(text.split(nonce)).toHaveLength(3)
    expect(text).not.toContain(rendered[0]!.headers['x-nonce'])
  }
  expect(first.text.replaceAll(first.nonce, '')).toBe(second.text.replaceAll(second.nonce, ''))
})

test('a stored page is rendered without the cookies, the browser and the address of its visitor', async () => {
  await get('/id/forgot-password/?lang=it', {
    Cookie: 'a=b',
    'User-Agent': 'Googlebot',
    'X-Rekey-Client': '192.0.2.1',
  })
  expect(rendered).toHaveLength(1)
  expect(Object.keys(rendered[0]!.headers).sort()).toEqual([
    'accept-language',
    'content-security-policy',
    'host',
    'x-forwarded-proto',
    'x-nonce',
    'x-rekey-language',
  ])
})

test('all unknown paths share one stored page without scripts [H10]', async () => {
  const pages = [
    await get('/id/nowhere?a=secret'),
    await get('/id/api/v1/accounts/nowhere/', {}, 'POST'),
    await get('/id/dev/mailbox/a/b/c'),
  ]
  expect(rendered.map(({ url, method }) => [url, method])).toEqual([['/id/not-found/', 'GET']])
  for (const { status, nonce, text } of pages) {
    expect(status).toBe(404)
    expect(text).toBe(`<link rel="stylesheet" nonce="${nonce}" href="/a.css"><p>page</p>`)
  }
})

test.each([
  ['a query with more than the language', '/id/forgot-password/?error=x', 'GET'],
  ['an unknown language', '/id/forgot-password/?lang=xx', 'GET'],
  ['a page for one visitor', '/id/reset-password/', 'GET'],
  ['a file', '/id/_next/static/chunks/a.js', 'GET'],
  ['a public file', '/id/logo.svg', 'GET'],
  ['a page with a parameter in its path', '/id/dev/mailbox/7', 'GET'],
])('a request for %s always reaches Next', async (_, path, method) => {
  await get(path, { 'User-Agent': 'one' }, method)
  await get(path, { 'User-Agent': 'one' }, method)
  expect(rendered.map(({ url, headers }) => [url, headers['user-agent']])).toEqual([
    [path, 'one'],
    [path, 'one'],
  ])
})

test('a page whose rendering failed is not stored', async () => {
  failures = 1
  expect((await get('/id/forgot-password/?lang=ko')).status).toBe(500)
  expect((await get('/id/forgot-password/?lang=ko')).status).toBe(200)
  expect((await get('/id/forgot-password/?lang=ko')).status).toBe(200)
  expect(rendered).toHaveLength(2)
})

test('a stored page is compressed for a client that accepts gzip, and HEAD gets only its headers', async () => {
  const plain = await get('/id/nowhere', { 'Accept-Encoding': 'gzip;q=0, identity' })
  expect(plain.headers.get('content-encoding')).toBe(null)
  const gzipped = await get('/id/nowhere', { 'Accept-Encoding': 'gzip' })
  expect(gzipped.headers.get('content-encoding')).toBe('gzip')
  expect(gzipped.text.replace(gzipped.nonce, '')).toBe(plain.text.replace(plain.nonce, ''))
  const head = await get('/id/nowhere', { 'Accept-Encoding': 'identity' }, 'HEAD')
  expect([head.status, head.headers.get('content-length'), head.text]).toEqual([
    404,
    String(plain.text.length),
    '',
  ])
})

test('the number of stored pages is limited, so that clients cannot fill the memory with languages', async () => {
  const languages = ['de', 'fr', 'es', 'it', 'nl', 'pl', 'uk', 'tr', 'id', 'vi', 'ja', 'ko', 'hi']
  for (const chosen of languages)
    for (const accepted of languages)
      await get(`/id/forgot-password?lang=${chosen}`, { 'Accept-Language': accepted })
  rendered = []
  await get('/id/forgot-password?lang=hi', { 'Accept-Language': 'hi' })
  expect(rendered).toHaveLength(0)
  await get('/id/forgot-password?lang=de', { 'Accept-Language': 'de' })
  expect(rendered).toHaveLength(1)
})
