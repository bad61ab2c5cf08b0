import { describe, expect, test } from 'vitest'
import { ask, parseAnswer, talk } from '@/e2e/support/raw-http'
import { startTrial as start, seenIn, expectSecured } from '@/e2e/support/front-server'

describe('what an answer carries', () => {
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
  ])('the security headers are on the answer to %s [H7]', async (request, status) => {
    const { port } = await start()
    const answer = await ask(port, request)
    expect(answer.status).toBe(status)
    expectSecured(answer)
  })

  test.each([
    ['not HTTP at all', 'hello\r\n\r\n', 400],
    ['a line of headers without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'more header lines than anybody needs',
      `GET / HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(120)}\r\n`,
      431,
    ],
    ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n', 417],
    ['the start of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ])('they are even on the answer to %s [H7]', async (_, bytes, status) => {
    const { port } = await start()
    const answer = parseAnswer((await talk(port, bytes)).text)
    expect(answer.status).toBe(status)
    expectSecured(answer)
  })

  test.each([
    ['a target that is too long', `/${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a line that is no header', '/page HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n', 400],
    [
      'more header lines than anybody needs',
      `/page HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(120)}\r\n`,
      431,
    ],
    ['a path of another host', '//page HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ])(
    'HEAD with %s gets a head only, or its content would be the next answer [C18]',
    async (_, rest, status) => {
      const { port } = await start()
      const answer = parseAnswer((await talk(port, `HEAD ${rest}`)).text)
      expect([answer.status, answer.body]).toEqual([status, ''])
      expectSecured(answer)
    },
  )

  test('HSTS and upgrades belong to https; on a loopback http origin they are absent [H7]', async () => {
    const { port } = await start({ settings: { publicOrigin: 'http://localhost:3000' } })
    const answer = await ask(port, 'GET /page')
    expect(answer.headers.has('strict-transport-security')).toBe(false)
    expect(answer.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests')
  })

  test('a page gets a strict policy with a nonce of its own, and Next is told the same nonce [H6]', async () => {
    const nonces = new Set<string>()
    const { port } = await start({
      handle: (request, answer) => {
        answer.setHeader('Content-Type', 'text/html')
        answer.end(`${request.headers['content-security-policy']}\n${request.headers['x-nonce']}`)
      },
    })
    for (let load = 0; load < 2; load += 1) {
      const answer = await ask(port, 'GET /page')
      const policy = answer.headers.get('content-security-policy') ?? ''
      const nonce = /script-src 'nonce-([A-Za-z0-9+/]{22}==)' 'strict-dynamic';/.exec(policy)?.[1]
      expect(answer.body).toContain(`${policy}\n${nonce}`)
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

  test('what is no page gets a policy under which nothing loads [H6]', async () => {
    const { port } = await start()
    const { headers } = await ask(port, 'GET /api/v1/anything')
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
  })

  test('only files named by their content may be kept [H3]', async () => {
    const { port } = await start()
    const file = await ask(port, 'GET /_next/static/chunks/a1.js')
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await ask(port, 'GET /page')).headers.get('cache-control')).toBe('no-store')
  })

  test('the emails of demo and dev keep their own policy; in production nothing chooses its headers', async () => {
    const demo = await start({ settings: { mode: 'demo', publicOrigin: 'http://localhost:3000' } })
    const email = await ask(demo.port, 'GET /dev/mailbox/email')
    expect(email.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'self'")
    expect(email.headers.get('x-frame-options')).toBe('SAMEORIGIN')
    expect((await ask(demo.port, 'GET /own-policy')).headers.get('x-frame-options')).toBe('DENY')
    expect((await ask(demo.port, 'GET /page')).headers.get('content-security-policy')).toContain(
      "frame-src 'self'",
    )

    const production = await start()
    expectSecured(await ask(production.port, 'GET /dev/mailbox/email'))
  })

  test('an answer names its request, and the app was told the same name [L2]', async () => {
    const { port } = await start()
    const answer = await ask(port, 'GET /api/v1/anything', ['X-Rekey-Request-Id: mine', 'X-Request-Id: mine'])
    const id = answer.headers.get('x-request-id')
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(seenIn(answer).headers['x-rekey-request-id']).toBe(id)
  })

  test('RFC 9110 §9.3.2: a response to HEAD has no body, from the app or from the front', async () => {
    const { port } = await start()
    for (const target of ['/page', '//page', '/throws'])
      expect((await ask(port, `HEAD ${target}`)).body).toBe('')
  })
})
