import { describe, expect, test } from 'vitest'
import { parseResponse, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront as start, requestSeenIn, expectSecurityHeaders } from '@/e2e/support/front-server'

describe('headers of a response', () => {
  test.each([
    ['GET /page', 200],
    ['HEAD /page', 200],
    ['GET /moved', 307],
    ['GET /listed', 200],
    ['GET /missing', 404],
    ['GET /unchanged', 304],
    ['GET /throws', 500],
    ['GET /own-policy', 200],
    ['POST /api/v1/ignore', 403],
    ['OPTIONS /api/v1/anything', 200],
    ['GET /_next/static/chunks/gone.js', 404],
    ['GET /_next/image?url=x&w=64&q=75', 404],
    ['GET //page', 404],
    ['TRACE /page', 405],
    ['TRACE /api/v1/read', 405],
    ['POST /page', 405],
    ['BREW /page', 405],
    ['CONNECT example.com:443', 405],
    ['OPTIONS *', 400],
    ['GET http://127.0.0.1/page', 400],
  ])('the response to %s carries the security headers [H7]', async (request, status) => {
    const { port } = await start()
    const response = await sendRequest(port, request)
    expect(response.status).toBe(status)
    expectSecurityHeaders(response)
  })

  test.each([
    ['bytes that are not HTTP', 'hello\r\n\r\n', 400],
    ['a header without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['too many headers', `GET / HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(120)}\r\n`, 431],
    ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n', 417],
    ['the start of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ])('the error about %s carries the security headers [H7]', async (_, bytes, status) => {
    const { port } = await start()
    const response = parseResponse((await sendBytes(port, bytes)).text)
    expect(response.status).toBe(status)
    expectSecurityHeaders(response)
  })

  test.each([
    ['a target that is too long', `/${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a malformed header', '/page HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n', 400],
    ['too many headers', `/page HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(120)}\r\n`, 431],
    ['a path of another host', '//page HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ])(
    'the error about a HEAD request with %s has no body, which would be read as the next response [C18]',
    async (_, rest, status) => {
      const { port } = await start()
      const response = parseResponse((await sendBytes(port, `HEAD ${rest}`)).text)
      expect([response.status, response.body]).toEqual([status, ''])
      expectSecurityHeaders(response)
    },
  )

  test('a loopback http address gets no HSTS header and no upgrade to https [H7]', async () => {
    const { port } = await start({ settings: { publicOrigin: 'http://localhost:3000' } })
    const response = await sendRequest(port, 'GET /page')
    expect(response.headers.has('strict-transport-security')).toBe(false)
    expect(response.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests')
  })

  test('each page load gets a strict policy with a new nonce, and Next gets the same nonce [H6]', async () => {
    const nonces = new Set<string>()
    const { port } = await start({
      handle: (request, response) => {
        response.setHeader('Content-Type', 'text/html')
        response.end(`${request.headers['content-security-policy']}\n${request.headers['x-nonce']}`)
      },
    })
    for (let load = 0; load < 2; load += 1) {
      const response = await sendRequest(port, 'GET /page')
      const policy = response.headers.get('content-security-policy') ?? ''
      const nonce = /script-src 'nonce-([A-Za-z0-9+/]{22}==)' 'strict-dynamic';/.exec(policy)?.[1]
      expect(response.body).toContain(`${policy}\n${nonce}`)
      expect(policy).not.toMatch(/unsafe|\*|https?:/)
      for (const directive of [
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "connect-src 'self'",
      ]) {
        expect(policy.split('; ')).toContain(directive)
      }
      nonces.add(nonce!)
    }
    expect(nonces.size).toBe(2)
  })

  test('a response that is not a page gets a policy that allows nothing to load [H6]', async () => {
    const { port } = await start()
    const { headers } = await sendRequest(port, 'GET /api/v1/anything')
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
  })

  test('files with a hash in their name are cacheable, and pages are not [H3]', async () => {
    const { port } = await start()
    const file = await sendRequest(port, 'GET /_next/static/chunks/a1.js')
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await sendRequest(port, 'GET /page')).headers.get('cache-control')).toBe('no-store')
  })

  test('emails in the mailbox of demo keep their own policy, and production replaces the policy of every page', async () => {
    const demo = await start({ settings: { mode: 'demo', publicOrigin: 'http://localhost:3000' } })
    const email = await sendRequest(demo.port, 'GET /dev/mailbox/email')
    expect(email.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'self'")
    expect(email.headers.get('x-frame-options')).toBe('SAMEORIGIN')
    expect((await sendRequest(demo.port, 'GET /own-policy')).headers.get('x-frame-options')).toBe('DENY')
    expect((await sendRequest(demo.port, 'GET /page')).headers.get('content-security-policy')).toContain(
      "frame-src 'self'",
    )

    const production = await start()
    expectSecurityHeaders(await sendRequest(production.port, 'GET /dev/mailbox/email'))
  })

  test('a response carries a new request id, and the app gets the same id [L2]', async () => {
    const { port } = await start()
    const response = await sendRequest(port, 'GET /api/v1/anything', [
      'X-Rekey-Request-Id: mine',
      'X-Request-Id: mine',
    ])
    const id = response.headers.get('x-request-id')
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(requestSeenIn(response).headers['x-rekey-request-id']).toBe(id)
  })

  test('a response to HEAD has no body, whether it comes from the app or from the front server (RFC 9110 §9.3.2)', async () => {
    const { port } = await start()
    for (const target of ['/page', '//page', '/throws'])
      expect((await sendRequest(port, `HEAD ${target}`)).body).toBe('')
  })
})
