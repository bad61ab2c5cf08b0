import { describe, expect, test } from 'vitest'
import { withoutBasePath } from '@/server/http/base-path'
import { parseResponse, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront as start } from '@/e2e/support/front-server'

const basePath = '/account'

test.each([
  ['/account', '/'],
  ['/account/', '/'],
  ['/account?lang=de', '/?lang=de'],
  ['/account/?lang=de', '/?lang=de'],
  ['/account/reset-password/?user_id=1', '/reset-password/?user_id=1'],
  ['/account/account/', '/account/'],
  ['/account//page', '//page'],
  ['/account/../page', '/../page'],
])('under the path /account, the target %s is handled as %s [V9]', (target, inner) => {
  expect(withoutBasePath(target, basePath)).toBe(inner)
})

test('without a path in PUBLIC_URL, a target is handled as it is [V9]', () => {
  for (const target of ['/', '//page', '*', 'http://id.example.com/'])
    expect(withoutBasePath(target, '')).toBe(target)
})

describe('targets outside the path /account [V9]', () => {
  test.each([
    '/',
    '/accountx',
    '/account.html',
    '/account%2fpage',
    '/account;x/page',
    '/accoun',
    '/Account/page',
    '/%61ccount/page',
    '/account%20/page',
    '//account/page',
    '/./account/page',
    '/x/../account/page',
    '/account/../page',
    '/account/..',
    '/account//page',
    '/account/%2e%2e/page',
    '/page',
    '/forgot-password/',
    '/api/health/live',
    '/api/v1/accounts/reset-password/',
    '/_next/static/chunks/a1.js',
    '/.well-known/change-password',
    '/?x=/account/page',
  ])('a request for %s gets 404 and does not reach the app', async (target) => {
    const { port, reached } = await start({ settings: { basePath } })
    for (const method of ['GET', 'POST']) {
      const response = await sendRequest(port, `${method} ${target}`)
      expect([response.status, response.body]).toEqual([404, '{"detail":"Not found."}'])
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    }
    expect(reached).toEqual([])
  })

  test('an unknown method gets 404 outside the path, and 405 under it', async () => {
    const { port } = await start({ settings: { basePath } })
    expect((await sendRequest(port, 'BREW /page')).status).toBe(404)
    expect((await sendRequest(port, 'BREW /account/page')).status).toBe(405)
  })

  test('a target that is not a path gets 400', async () => {
    const { port } = await start({ settings: { basePath } })
    for (const target of ['*', 'http://id.example.com/account/page', '/account/page#x'])
      expect((await sendRequest(port, `GET ${target}`)).status).toBe(400)
  })
})

test('hashed files stay cacheable and emails of demo keep their policy under a path [V9]', async () => {
  const { port } = await start({ settings: { basePath } })
  const file = await sendRequest(port, 'GET /account/_next/static/chunks/a1.js')
  expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect((await sendRequest(port, 'GET /account/page')).headers.get('cache-control')).toBe('no-store')

  const demo = await start({ settings: { basePath, mode: 'demo', publicOrigin: 'http://localhost:3000' } })
  const email = await sendRequest(demo.port, 'GET /account/dev/mailbox/email')
  expect(email.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'self'")
})

test('the language in an address reaches the app under a path [V9]', async () => {
  const { port } = await start({
    settings: { basePath },
    handle: (request, response) =>
      void response.end(`${request.url} ${String(request.headers['x-rekey-language'])}`),
  })
  expect((await sendRequest(port, 'GET /account?lang=de')).body).toBe('/account/?lang=de de')
})

test('a web socket of Next reaches the dev server only under the path, with its target unchanged [V9]', async () => {
  const upgraded: (string | undefined)[] = []
  const { port } = await start({
    settings: { basePath, mode: 'dev', publicOrigin: 'http://localhost:3000' },
    upgrade: (request, socket) => {
      upgraded.push(request.url)
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    },
  })
  const bytes = (url: string) =>
    `GET ${url} HTTP/1.1\r\nHost: localhost:3000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n`
  expect((await sendBytes(port, bytes('/account/_next/hmr?id=1'))).text).toContain('101')
  expect((await sendBytes(port, bytes('/_next/hmr?id=2'))).text).toBe('')
  expect(upgraded).toEqual(['/account/_next/hmr?id=1'])
})

describe('a host that Rekey shares with other apps [V9]', () => {
  const headersOf = async (settings: Parameters<typeof start>[0] & object) => {
    const { port } = await start(settings)
    const { headers } = await sendRequest(port, `GET ${settings.settings?.basePath ?? ''}/page`)
    return { hsts: headers.get('strict-transport-security'), policy: headers.get('content-security-policy') }
  }

  test('the HSTS header follows the setting, and is sent only over https [H7]', async () => {
    const hstsFor = async (hsts: 'off' | 'host' | 'subdomains', publicOrigin = 'https://example.com') =>
      (await headersOf({ settings: { hsts, publicOrigin } })).hsts
    expect(await hstsFor('off')).toBeUndefined()
    expect(await hstsFor('host')).toBe('max-age=63072000')
    expect(await hstsFor('subdomains')).toBe('max-age=63072000; includeSubDomains')
    expect(await hstsFor('subdomains', 'http://localhost:3000')).toBeUndefined()
  })

  test('an error about malformed bytes follows the HSTS setting, too [H7]', async () => {
    const { port } = await start({ settings: { hsts: 'off', basePath } })
    const { text } = await sendBytes(port, 'nonsense\r\n\r\n')
    expect(parseResponse(text).status).toBe(400)
    expect(text).not.toMatch(/strict-transport-security/i)
  })

  test('the policy of a page allows nothing outside its path [H6]', async () => {
    const { policy = '' } = await headersOf({ settings: { basePath, publicOrigin: 'https://example.com' } })
    const source = 'https://example.com/account/'
    for (const directive of [
      `connect-src ${source}`,
      `font-src ${source}`,
      `form-action ${source}`,
      `img-src ${source} data:`,
      `manifest-src ${source}`,
    ])
      expect(policy.split('; ')).toContain(directive)
    expect(policy).toMatch(/; style-src https:\/\/example\.com\/account\/ 'nonce-[^']+'; /)
    expect(policy).not.toContain("'self'")
  })

  test.each([
    ['an IPv4 address', { publicOrigin: 'https://192.0.2.7' }],
    ['an IPv6 address', { publicOrigin: 'https://[2001:db8::1]' }],
    [
      'demo, which has more than one host name',
      { mode: 'demo' as const, publicOrigin: 'http://localhost:3000' },
    ],
  ])(
    'the policy of a page allows its whole origin on %s, because it cannot name a path there [H6]',
    async (_, settings) => {
      const { policy } = await headersOf({ settings: { basePath, ...settings } })
      expect(policy).toContain("form-action 'self'")
    },
  )
})
