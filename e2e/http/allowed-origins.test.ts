import { describe, expect, test } from 'vitest'
import { ask, talk, parseAnswer } from '@/e2e/support/raw-http'
import { startTrial } from '@/e2e/support/front-server'

const front = 'https://front.example'
async function start(settings: NonNullable<Parameters<typeof startTrial>[0]>['settings'] = {}) {
  return startTrial({
    settings: { allowedOrigins: [front], trustedProxyHops: 1, ...settings },
    handle: (request, answer) => {
      if (request.url?.endsWith('/throws')) throw new Error('broken')
      answer.setHeader('Content-Type', 'application/json')
      answer.setHeader('Vary', 'Accept, Origin')
      answer.end(JSON.stringify(request.headers))
    },
  })
}

/** Answers that the server in front makes by itself, each with what causes it. */
const refused: [number, string, string, string[]][] = [
  [400, 'too many parameters', `GET /api/v1/x?${'&a'.repeat(101)}`, []],
  [400, 'two hosts', 'GET /api/v1/x', ['Host: b']],
  [403, 'plain HTTP', 'POST /api/v1/x', ['X-Forwarded-Proto: http']],
  [404, 'a path with an empty segment', 'POST /api/v1//x', []],
  [405, 'a method that nothing has', 'PROPFIND /api/v1/x', []],
  [415, 'a compressed body', 'POST /api/v1/x', ['Content-Encoding: gzip', 'Content-Length: 0']],
  [431, 'too many header lines', 'POST /api/v1/x', Array.from({ length: 101 }, (_, at) => `X-${at}: 1`)],
  [500, 'a fault', 'POST /api/v1/throws', []],
]

describe('an answer that no handler made [V4, H9]', () => {
  test.each(refused)(
    '%i to %s can be read by an allowed origin, and by no other',
    async (status, _what, line, lines) => {
      const { port } = await start()
      const answer = await ask(port, line, [`Origin: ${front}`, ...lines])
      expect(answer.status).toBe(status)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'access-control-allow-origin': front,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': expect.stringContaining('Retry-After'),
        vary: 'Origin',
      })
      for (const origin of [
        'https://evil.example',
        'null',
        `${front}.evil.example`,
        `${front}:8443`,
        undefined,
      ]) {
        const { headers } = await ask(
          port,
          line,
          origin === undefined ? lines : [`Origin: ${origin}`, ...lines],
        )
        expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
        expect(headers.get('vary')).toBe('Origin')
      }
    },
  )

  test('421 under a name that demo is not reached by can be read by an allowed origin', async () => {
    const { port } = await start({ mode: 'demo', publicOrigin: 'http://localhost:3000' })
    const lines = [
      'POST /api/v1/x HTTP/1.1',
      'Host: rebound.example',
      'Connection: close',
      `Origin: ${front}`,
    ]
    const answer = parseAnswer((await talk(port, `${lines.join('\r\n')}\r\n\r\n`)).text)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([421, front])
  })

  test('under a path, the responses of handlers and of the front can be read by an allowed origin, too [V9]', async () => {
    const { port } = await start({ basePath: '/account' })
    for (const path of ['/api/v1/x', '/api/v1/throws', '/api/v1//x']) {
      const { headers } = await ask(port, `POST /account${path}`, [`Origin: ${front}`])
      expect(headers.get('access-control-allow-origin'), path).toBe(front)
    }
    const { headers } = await ask(port, 'POST /api/v1/x', [`Origin: ${front}`])
    expect(headers.get('access-control-allow-origin')).toBeUndefined()
  })

  test('what depends on the origin already is said to once', async () => {
    const { port } = await start()
    expect((await ask(port, 'POST /api/v1/x')).headers.get('vary')).toBe('Accept, Origin')
  })

  test.each(['/', '/page', '/reset-password/', '/api/health/ready', '/_next/static/x.js', '/api/v10/x'])(
    'the page or file %s is for this origin alone',
    async (path) => {
      const { port } = await start()
      const { headers } = await ask(port, `GET ${path}`, [`Origin: ${front}`])
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    },
  )
})

test('what a front end sends for CSRF, tracing and caching does not reach the app [V4, C16]', async () => {
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
  const { body } = await ask(port, 'POST /api/v1/x', [
    `Origin: ${front}`,
    ...names.map((name) => `${name}: canary`),
  ])
  expect(JSON.parse(body)).toMatchObject({ origin: front })
  expect(body).not.toContain('canary')
})
