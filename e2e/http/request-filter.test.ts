import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { parseResponse, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront as start, expectSecurityHeaders } from '@/e2e/support/front-server'

describe.each([
  ['without a path', ''],
  ['with a path', '/account'],
  ['with a path of two segments', '/team/v1.2~account'],
])('a PUBLIC_URL %s [V9]', (_, basePath) => {
  describe('methods', () => {
    test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
      'a %s request reaches the handler of an endpoint [H1]',
      async (method) => {
        const { port, reached } = await start({ settings: { basePath } })
        await sendRequest(port, `${method} ${basePath}/api/v1/anything`)
        expect(reached).toEqual([`${method} ${basePath}/api/v1/anything`])
      },
    )

    test.each(['TRACE', 'CONNECT', 'PROPFIND', 'QUERY', 'MKCOL', 'PURGE', 'BREW', 'M-SEARCH'])(
      'a %s request gets 405 on every route, and Allow names the allowed methods [H1]',
      async (method) => {
        const { port, reached } = await start({ settings: { basePath } })
        for (const [target, allow] of [
          ['/api/v1/accounts/reset-password/', 'POST, OPTIONS'],
          ['/api/health/', 'GET, HEAD'],
          ['/page', 'GET, HEAD'],
        ]) {
          const response = await sendRequest(port, `${method} ${basePath}${target}`)
          expect(response.status).toBe(405)
          expect(response.body).toBe(`{"detail":"Method \\"${method}\\" not allowed."}`)
          // The target of CONNECT is not a path, so Allow names the methods of pages.
          expect(response.headers.get('allow')).toBe(method === 'CONNECT' ? 'GET, HEAD' : allow)
        }
        expect(reached).toEqual([])
      },
    )

    test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
      'a %s request with a Flight payload gets 405 outside /api/ [C17]',
      async (method) => {
        const { port, reached } = await start({ settings: { basePath } })
        const flight = '--x\r\nContent-Disposition: form-data; name="0"\r\n\r\n["$1"]\r\n--x--\r\n'
        for (const target of [
          '/',
          '/reset-password/',
          '/API/v1/x',
          '/apis',
          '/_next/static/x.js',
          '/.well-known/change-password',
        ]) {
          const lines = [
            'Next-Action: 7f',
            'Content-Type: multipart/form-data; boundary=x',
            `Content-Length: ${flight.length}`,
          ]
          const response = await sendRequest(port, `${method} ${basePath}${target}`, lines, flight)
          expect(response.status).toBe(405)
          expect(response.headers.get('allow')).toBe('GET, HEAD')
        }
        expect(reached).toEqual([])
      },
    )
  })

  describe('paths', () => {
    test.each([
      '//',
      '//api/v1/read',
      '/api//v1/read',
      '/api/v1/read//',
      '/./page',
      '/page/.',
      '/page/..',
      '/../page',
      '/api/%2e%2e/page',
      '/api%2fv1/read',
      '/api%2Fv1/read',
      '/api%5cv1/read',
      '/api\\v1/read',
      '/%61pi/v1/read',
      '/page%00',
      '/page%0d%0aX:%20y',
      '/page%20',
      '/[x]',
      '/page.rsc',
      '/page.segments/_tree.segment.rsc',
      '/_next',
      '/_next/',
      '/_next/data/build/page.json',
      '/_next/image?url=%2Fx&w=64&q=75',
      '/_next/mcp',
      '/_next/static/../../package.json',
      '/_next/static/%2e%2e/server/app.js',
      '/_next/static/..%2fserver/app.js',
      '/_next/static//x.js',
    ])('a request for %s gets 404 and does not reach the app [R7, C16, C19]', async (target) => {
      const { port, reached } = await start({ settings: { basePath } })
      const response = await sendRequest(port, `GET ${basePath}${target}`)
      expect(response.status).toBe(404)
      expectSecurityHeaders(response)
      expect(reached).toEqual([])
    })

    test.each([
      '*',
      'http://127.0.0.1/page',
      'https://evil.example/',
      'evil.example:80',
      '/page#x',
      '/p\u00e4ge',
    ])('a request for the target %s gets 400 and does not reach the app [C8, C18]', async (target) => {
      const { port, reached } = await start({ settings: { basePath } })
      expect((await sendRequest(port, `OPTIONS ${target}`)).status).toBe(400)
      expect((await sendRequest(port, `GET ${target}`)).status).toBe(400)
      expect(reached).toEqual([])
    })

    test.each([
      '/',
      '/page',
      '/reset-password/?user_id=1&timestamp=2&signature=a_b-c',
      '/reset-password?x=//../%2f|{}',
      '/page?nxtPpath=x&_rsc=1a2b3',
      '/.well-known/change-password',
      '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200',
      '/dev/mailbox/1@example.com',
      '/_next/static/chunks/turbopack-2u1d16ho_ki~o.js',
      '/_next/static/chunks/node_modules_%40swc_helpers_cjs_1r9vbqw._.js',
      '/_next/static/chunks/%5Broot-of-the-server%5D__0a._.js',
    ])('a request for %s reaches the app unchanged', async (target) => {
      const { port, reached } = await start({ settings: { basePath } })
      await sendRequest(port, `GET ${basePath}${target}`)
      expect(reached).toEqual([`GET ${basePath}${target}`])
    })

    test.each([
      ['RSC: 1'],
      ['RSC: 1', 'Next-Router-Prefetch: 1'],
      ['Next-Router-Prefetch: 2', 'Next-Router-Segment-Prefetch: /_tree'],
    ])('a request for a fragment of a page (%s) gets an empty 204 [C16, C20]', async (...lines) => {
      const { port, reached } = await start({ settings: { basePath } })
      const response = await sendRequest(port, `GET ${basePath}/page?_rsc=1a2b3`, lines)
      expect([response.status, response.body]).toEqual([204, ''])
      expectSecurityHeaders(response)
      expect(reached).toEqual([])
    })

    test.each([
      ['RSC: 1'],
      ['RSC: 1', 'Next-Router-State-Tree: %5B%22%22%5D', 'Next-Url: /reset-password'],
      ['Next-Router-Prefetch: 1'],
      ['Next-Router-Prefetch: 2', 'Next-Router-Segment-Prefetch: /_tree'],
      ['Next-Action: 7f0000000000000000000000000000000000000000'],
      ['rsc:'],
    ])(
      'a request to an endpoint with a header of Next’s client (%s) reaches its handler [C16, H1]',
      async (...lines) => {
        const { port, reached } = await start({ settings: { basePath } })
        for (const method of ['POST', 'OPTIONS', 'GET', 'HEAD', 'PUT'])
          for (const target of ['/api/v1/read', '/api/v1/read?_rsc=1a2b3'])
            await sendRequest(port, `${method} ${basePath}${target}`, [...lines, 'Content-Length: 2'], '{}')
        await sendRequest(port, `GET ${basePath}/api/health/live`, lines)
        expect(reached).toHaveLength(11)
      },
    )

    test('the headers of Next’s client do not reach an endpoint [C16, C17]', async () => {
      let seen: string[] = []
      const { port } = await start({
        settings: { basePath },
        handle: ({ headers, rawHeaders }, response) => {
          seen = [...Object.keys(headers), ...rawHeaders]
          response.end()
        },
      })
      const lines = ['RSC: 1', 'Next-Action: 7f', 'Next-Router-State-Tree: x', 'Next-Router-Prefetch: 1']
      await sendRequest(port, `POST ${basePath}/api/v1/read`, [...lines, 'Content-Length: 0'])
      expect(seen).toContain('host')
      expect(seen.filter((name) => /^(rsc|next-)/i.test(name))).toEqual([])
    })
  })
})

// All who reach demo or dev may read its mailbox, so a web page must not reach it by DNS rebinding.
describe('the Host header in demo and dev [C8]', () => {
  const demo = { mode: 'demo', publicOrigin: 'https://demo.example:8443' } as const
  const responseUnder = async (host: string) => {
    const { port, reached } = await start({ settings: demo })
    const { text } = await sendBytes(
      port,
      `GET /dev/mailbox/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )
    return [parseResponse(text).status, reached.length]
  }

  test.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST:3000',
    'app.localhost:3000',
    '127.0.0.1:3000',
    '127.8.9.1',
    '[::1]:3000',
    'demo.example:8443',
  ])('demo responds under "%s", which is this machine or PUBLIC_URL', async (host) => {
    expect(await responseUnder(host)).toEqual([200, 1])
  })

  test.each([
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'demo.example',
    '192.168.0.7:3000',
    'evil.example@localhost',
    '',
    'a b',
  ])('demo rejects a request under "%s", because another site may point that name here', async (host) => {
    const [status, reached] = await responseUnder(host)
    expect([[400, 421].includes(Number(status)), reached]).toEqual([true, 0])
  })

  test('production responds under any host name, because a proxy may rename the host', async () => {
    const { port } = await start()
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
  })
})

test('a request with more than 100 parameters gets 400 before Next reads it [C15]', async () => {
  const { port, reached } = await start()
  const query = (count: number) => Array.from({ length: count }, (_, i) => `p${i}=`).join('&')
  expect((await sendRequest(port, `GET /page?${query(100)}`)).status).toBe(200)
  for (const target of [`/page?${query(101)}`, `/api/v1/read?${'&'.repeat(2_000)}`])
    expect((await sendRequest(port, `GET ${target}`)).status).toBe(400)
  expect(reached).toHaveLength(1)
})

describe('requests to upgrade the connection', () => {
  test('a web socket gets 400, its connection closes, and the server connects to no other host [C18]', async () => {
    let connected = 0
    const target = createServer(() => (connected += 1))
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
    const { port: inner } = target.address() as { port: number }
    const { port, reached } = await start()
    for (const url of [
      '/',
      '/_next/hmr',
      `http://127.0.0.1:${inner}/`,
      `//127.0.0.1:${inner}/`,
      `/http://127.0.0.1:${inner}/`,
    ]) {
      const bytes = `GET ${url} HTTP/1.1\r\nHost: 127.0.0.1:${inner}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
      const { text, closed } = await sendBytes(port, bytes)
      const response = parseResponse(text)
      expect([response.status, closed]).toEqual([400, true])
      expectSecurityHeaders(response)
    }
    expect([reached, connected]).toEqual([[], 0])
    target.close()
  })

  test('a client that offers HTTP/2 gets its response in HTTP/1.1, and its body is read', async () => {
    const { port } = await start()
    const lines = ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA', 'Content-Length: 2']
    const text = `POST /api/v1/read HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\n${lines.join('\r\n')}\r\n\r\n{}`
    const response = parseResponse((await sendBytes(port, text)).text)
    expect([response.status, response.body]).toEqual([200, '2'])
  })

  test('in dev, only web sockets of Next under an allowed host reach its handler', async () => {
    const upgraded: string[] = []
    const { port } = await start({
      settings: { mode: 'dev', publicOrigin: 'http://localhost:3000' },
      upgrade: (request, socket) => {
        upgraded.push(
          `${request.url} ${request.headers['sec-websocket-key']} ${request.headers['x-forwarded-for']}`,
        )
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
      },
    })
    const bytes = (url: string, host = 'localhost:3000') =>
      `GET ${url} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n`
    expect((await sendBytes(port, bytes('/_next/hmr?id=1'))).text).toContain('101')
    expect((await sendBytes(port, bytes('http://127.0.0.1/'))).text).toBe('')
    expect((await sendBytes(port, bytes('/_next/hmr?id=2', 'evil.example'))).text).toBe('')
    expect(upgraded).toEqual(['/_next/hmr?id=1 k undefined'])
  })
})
