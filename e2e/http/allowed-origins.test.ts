import { describe, expect, test } from 'vitest'
import { parseResponse, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront } from '@/e2e/support/front-server'

const frontEnd = 'https://front.example'
async function start(settings: NonNullable<Parameters<typeof startFront>[0]>['settings'] = {}) {
  return startFront({
    settings: { allowedOrigins: [frontEnd], trustedProxyHops: 1, ...settings },
    handle: (request, response) => {
      if (request.url?.endsWith('/throws')) throw new Error('broken')
      response.setHeader('Content-Type', 'application/json')
      response.setHeader('Vary', 'Accept, Origin')
      response.end(JSON.stringify(request.headers))
    },
  })
}

const errors: [number, string, string, string[]][] = [
  [400, 'too many parameters', `GET /api/v1/x?${'&a'.repeat(101)}`, []],
  [400, 'two hosts', 'GET /api/v1/x', ['Host: b']],
  [403, 'plain HTTP', 'POST /api/v1/x', ['X-Forwarded-Proto: http']],
  [404, 'a path with an empty segment', 'POST /api/v1//x', []],
  [405, 'an unknown method', 'PROPFIND /api/v1/x', []],
  [415, 'a compressed body', 'POST /api/v1/x', ['Content-Encoding: gzip', 'Content-Length: 0']],
  [431, 'too many header lines', 'POST /api/v1/x', Array.from({ length: 101 }, (_, at) => `X-${at}: 1`)],
  [500, 'a fault', 'POST /api/v1/throws', []],
]

describe('responses of the front server itself [V4, H9]', () => {
  test.each(errors)(
    'an allowed origin, and no other, can read the %i that %s gets',
    async (status, _what, line, lines) => {
      const { port } = await start()
      const response = await sendRequest(port, line, [`Origin: ${frontEnd}`, ...lines])
      expect(response.status).toBe(status)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-origin': frontEnd,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': expect.stringContaining('Retry-After'),
        vary: 'Origin',
      })
      for (const origin of [
        'https://evil.example',
        'null',
        `${frontEnd}.evil.example`,
        `${frontEnd}:8443`,
        undefined,
      ]) {
        const { headers } = await sendRequest(
          port,
          line,
          origin === undefined ? lines : [`Origin: ${origin}`, ...lines],
        )
        expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
        expect(headers.get('vary')).toBe('Origin')
      }
    },
  )

  test('an allowed origin can read the 421 that demo sends under another host name', async () => {
    const { port } = await start({ mode: 'demo', publicOrigin: 'http://localhost:3000' })
    const lines = [
      'POST /api/v1/x HTTP/1.1',
      'Host: rebound.example',
      'Connection: close',
      `Origin: ${frontEnd}`,
    ]
    const response = parseResponse((await sendBytes(port, `${lines.join('\r\n')}\r\n\r\n`)).text)
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([421, frontEnd])
  })

  test('an allowed origin can read the responses of handlers and of the front server under a path [V9]', async () => {
    const { port } = await start({ basePath: '/account' })
    for (const path of ['/api/v1/x', '/api/v1/throws', '/api/v1//x']) {
      const { headers } = await sendRequest(port, `POST /account${path}`, [`Origin: ${frontEnd}`])
      expect(headers.get('access-control-allow-origin'), path).toBe(frontEnd)
    }
    const { headers } = await sendRequest(port, 'POST /api/v1/x', [`Origin: ${frontEnd}`])
    expect(headers.get('access-control-allow-origin')).toBeUndefined()
  })

  test('a response that varies by origin already names Origin only once in Vary', async () => {
    const { port } = await start()
    expect((await sendRequest(port, 'POST /api/v1/x')).headers.get('vary')).toBe('Accept, Origin')
  })

  test.each(['/', '/page', '/reset-password/', '/api/health/ready', '/_next/static/x.js', '/api/v10/x'])(
    'no other origin can read the page or file %s, not even an allowed one',
    async (path) => {
      const { port } = await start()
      const { headers } = await sendRequest(port, `GET ${path}`, [`Origin: ${frontEnd}`])
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    },
  )
})

test('the headers of a front end for CSRF, tracing and caching do not reach the app [V4, C16]', async () => {
  const { port } = await start()
  const names = [
    'X-CSRFToken',
    'X-XSRF-TOKEN',
    'X-Requested-With',
    'Sentry-Trace',
    'Baggage',
    'Traceparent',
    'Tracestate',
    'X-B3-TraceId',
    'Uber-Trace-Id',
    'X-Datadog-Trace-Id',
    'Cache-Control',
    'Pragma',
    'Access-Control-Request-Private-Network',
  ]
  const { body } = await sendRequest(port, 'POST /api/v1/x', [
    `Origin: ${frontEnd}`,
    ...names.map((name) => `${name}: canary`),
  ])
  expect(JSON.parse(body)).toMatchObject({ origin: frontEnd })
  expect(body).not.toContain('canary')
})
