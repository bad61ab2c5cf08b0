import { describe, expect, test } from 'vitest'
import { withoutBasePath } from '@/server/http/base-path'
import { ask, parseAnswer, talk } from '@/e2e/support/raw-http'
import { startTrial as start } from '@/e2e/support/front-server'

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
])('under /account, %s is %s to every rule [V9]', (target, inner) => {
  expect(withoutBasePath(target, basePath)).toBe(inner)
})

test('on a host of its own, every target stays as it is [V9]', () => {
  for (const target of ['/', '//page', '*', 'http://id.example.com/'])
    expect(withoutBasePath(target, '')).toBe(target)
})

describe('under /account, nothing else of the host is answered [V9]', () => {
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
  ])('%s is not found', async (target) => {
    const { port, reached } = await start({ settings: { basePath } })
    for (const method of ['GET', 'POST']) {
      const answer = await ask(port, `${method} ${target}`)
      expect([answer.status, answer.body]).toEqual([404, '{"detail":"Not found."}'])
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    }
    expect(reached).toEqual([])
  })

  test('nor is a method that nobody knows', async () => {
    const { port } = await start({ settings: { basePath } })
    expect((await ask(port, 'BREW /page')).status).toBe(404)
    expect((await ask(port, 'BREW /account/page')).status).toBe(405)
  })

  test('what is no target at all is refused as before', async () => {
    const { port } = await start({ settings: { basePath } })
    for (const target of ['*', 'http://id.example.com/account/page', '/account/page#x'])
      expect((await ask(port, `GET ${target}`)).status).toBe(400)
  })
})

test('files are kept and emails keep their policy under a path, too [V9]', async () => {
  const { port } = await start({ settings: { basePath } })
  const file = await ask(port, 'GET /account/_next/static/chunks/a1.js')
  expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect((await ask(port, 'GET /account/page')).headers.get('cache-control')).toBe('no-store')

  const demo = await start({ settings: { basePath, mode: 'demo', publicOrigin: 'http://localhost:3000' } })
  const email = await ask(demo.port, 'GET /account/dev/mailbox/email')
  expect(email.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'self'")
})

test('a page in a language says so to the app under a path, too [V9]', async () => {
  const { port } = await start({
    settings: { basePath },
    handle: (request, answer) =>
      void answer.end(`${request.url} ${String(request.headers['x-rekey-language'])}`),
  })
  expect((await ask(port, 'GET /account?lang=de')).body).toBe('/account/?lang=de de')
})

test('in dev, web sockets of Next are let through under the path only, and as they are [V9]', async () => {
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
  expect((await talk(port, bytes('/account/_next/hmr?id=1'))).text).toContain('101')
  expect((await talk(port, bytes('/_next/hmr?id=2'))).text).toBe('')
  expect(upgraded).toEqual(['/account/_next/hmr?id=1'])
})

describe('on a host that belongs to other apps as well [V9]', () => {
  const headersOf = async (settings: Parameters<typeof start>[0] & object) => {
    const { port } = await start(settings)
    const { headers } = await ask(port, `GET ${settings.settings?.basePath ?? ''}/page`)
    return { hsts: headers.get('strict-transport-security'), policy: headers.get('content-security-policy') }
  }

  test('HSTS says what the setting says, and only over https [H7]', async () => {
    const said = async (hsts: 'off' | 'host' | 'subdomains', publicOrigin = 'https://example.com') =>
      (await headersOf({ settings: { hsts, publicOrigin } })).hsts
    expect(await said('off')).toBeUndefined()
    expect(await said('host')).toBe('max-age=63072000')
    expect(await said('subdomains')).toBe('max-age=63072000; includeSubDomains')
    expect(await said('subdomains', 'http://localhost:3000')).toBeUndefined()
  })

  test('bytes that are no request are answered with the same HSTS [H7]', async () => {
    const { port } = await start({ settings: { hsts: 'off', basePath } })
    const { text } = await talk(port, 'nonsense\r\n\r\n')
    expect(parseAnswer(text).status).toBe(400)
    expect(text).not.toMatch(/strict-transport-security/i)
  })

  test('a page loads, asks and sends nothing but what is under its path [H6]', async () => {
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
    ['demo, reached by more than one name', { mode: 'demo' as const, publicOrigin: 'http://localhost:3000' }],
  ])('on %s, which a policy cannot name, it is the origin [H6]', async (_, settings) => {
    const { policy } = await headersOf({ settings: { basePath, ...settings } })
    expect(policy).toContain("form-action 'self'")
  })
})
