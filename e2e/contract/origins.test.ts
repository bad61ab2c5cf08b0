import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Received, Sent } from '@/e2e/support/exchange'
import {
  bothPaths,
  frontEnd,
  json,
  maxBodyBytes,
  sent,
  statusAndJson,
  startEndpoints,
  type StartedEndpoints,
} from '@/e2e/support/started-endpoints'

let endpoints: StartedEndpoints
beforeAll(async () => void (endpoints = await startEndpoints()))
afterAll(() => endpoints?.app.stop())

describe('origins of requests [H8]', () => {
  const own = () => new URL(endpoints.app.url).origin
  const rejected = [403, { detail: 'Cross-origin request refused.' }]

  test.each<[string, () => [string, string][]]>([
    ['a client that is not a browser', () => []],
    [
      'a page of Rekey',
      () => [
        ['Origin', own()],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    [
      'a form of Rekey under the referrer policy no-referrer',
      () => [
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    ['a page of Rekey in an old browser', () => [['Origin', own()]]],
    ['a request that no page started', () => [['Sec-Fetch-Site', 'none']]],
    [
      'an allowed front end',
      () => [
        ['Origin', frontEnd],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
  ])('a request from %s is accepted', async (_who, headers) => {
    expect(statusAndJson(await endpoints.sendJson(endpoints.known, headers()))).toEqual([200, sent])
  })

  test.each<[string, () => [string, string][]]>([
    [
      'a sandboxed frame',
      () => [
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
    ['the origin null without other headers', () => [['Origin', 'null']]],
    ['an empty origin', () => [['Origin', '']]],
    ['another site', () => [['Origin', 'https://evil.example']]],
    ['another site without an Origin header', () => [['Sec-Fetch-Site', 'cross-site']]],
    [
      'another host of the same site',
      () => [
        ['Origin', 'https://other.front.example'],
        ['Sec-Fetch-Site', 'same-site'],
      ],
    ],
    ['a longer host name', () => [['Origin', `${frontEnd}.evil.example`]]],
    ['a host name with another beginning', () => [['Origin', 'https://evil-front.example']]],
    ['the allowed host over http', () => [['Origin', 'http://front.example']]],
    ['the allowed host on another port', () => [['Origin', `${frontEnd}:8443`]]],
    ['the allowed host in capitals', () => [['Origin', 'https://FRONT.example']]],
    ['the allowed origin with a path', () => [['Origin', `${frontEnd}/`]]],
    ['the allowed origin with a user name', () => [['Origin', 'https://user@front.example']]],
    ['two origins in one header', () => [['Origin', `${frontEnd}, https://evil.example`]]],
    ['Rekey’s host on another port', () => [['Origin', `${own()}1`]]],
  ])('a request from %s gets 403 without CORS headers, and stores nothing [H9]', async (_who, headers) => {
    const before = await endpoints.requestsStored()
    for (const method of ['POST', 'OPTIONS']) {
      const response = await endpoints.send({
        method,
        headers: [json, ...headers()],
        body: JSON.stringify(endpoints.known),
      })
      expect(statusAndJson(response)).toEqual(rejected)
      expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
      expect(response.headers.vary).toMatch(/\bOrigin\b/)
    }
    expect(await endpoints.requestsStored()).toBe(before)
  })

  test('a form on another site gets a 403 in JSON, whatever its encoding [C17]', async () => {
    const foreign: [string, string][] = [
      ['Origin', 'https://evil.example'],
      ['Sec-Fetch-Site', 'cross-site'],
      ['Accept', 'text/html,*/*;q=0.8'],
    ]
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
    ]) {
      const response = await endpoints.send({
        headers: [['Content-Type', type], ...foreign],
        body: `login=${endpoints.person.username}`,
      })
      expect(statusAndJson(response)).toEqual(rejected)
    }
  })
})

describe('CORS headers [H9]', () => {
  const preflight: [string, string][] = [
    ['Origin', frontEnd],
    ['Access-Control-Request-Method', 'POST'],
  ]
  const granted = {
    'access-control-allow-origin': frontEnd,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After, Error-Codes, X-Request-Id',
  }
  const grantedNames = ({ headers }: Received) =>
    Object.keys(headers).filter((name) => name.startsWith('access-control-'))

  test.each(bothPaths)(
    'a preflight request of an allowed origin for %s is granted the method and headers that it names',
    async (path) => {
      const names: [string, string] = [
        'Access-Control-Request-Headers',
        'content-type,traceparent,x-csrftoken',
      ]
      const response = await endpoints.send({ method: 'OPTIONS', path, headers: [...preflight, names] })
      expect([response.status, response.text]).toEqual([204, ''])
      expect(response.headers).toMatchObject({
        ...granted,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type, traceparent, x-csrftoken',
        'access-control-max-age': '600',
        vary: expect.stringMatching(/Origin, Access-Control-Request-Headers$/),
        'cache-control': 'no-store',
      })
    },
  )

  test.each<[string, string]>([
    ['65 header names', Array.from({ length: 65 }, (_, at) => `x-${at}`).join(',')],
    ['more than 2 KiB of header names', 'x'.repeat(2049)],
    ['a header name with a space', 'content-type,x a'],
    ['the wildcard for all headers', '*'],
  ])('a preflight request with %s is granted no headers', async (_what, requested) => {
    const headers: [string, string][] = [...preflight, ['Access-Control-Request-Headers', requested]]
    const response = await endpoints.send({ method: 'OPTIONS', headers })
    expect([response.status, response.headers['access-control-allow-origin']]).toEqual([204, frontEnd])
    expect(response.headers).not.toHaveProperty('access-control-allow-headers')
  })

  test.each<[number, string, Partial<Sent>]>([
    [200, 'a valid request', { headers: [json], body: '{"login":"nobody"}' }],
    [400, 'a missing field', { headers: [json], body: '{}' }],
    [400, 'a malformed body', { headers: [json], body: '{' }],
    [404, 'an unknown path', { path: '/api/v1/accounts/register/', headers: [json], body: '{}' }],
    [404, 'another spelling of a path', { path: '/api/v1/accounts//reset-password/' }],
    [405, 'another method', { method: 'DELETE' }],
    [405, 'an unknown method', { method: 'PROPFIND' }],
    [406, 'an Accept without JSON', { headers: [['Accept', 'image/png']] }],
    [413, 'a body too large', { headers: [json], body: ' '.repeat(maxBodyBytes + 1) }],
    [
      413,
      'a body too large in chunks',
      { headers: [json], body: ' '.repeat(maxBodyBytes + 1), chunkSize: 4096 },
    ],
    [415, 'an unknown media type', { headers: [['Content-Type', 'text/plain']], body: 'x' }],
    [415, 'a compressed body', { headers: [json, ['Content-Encoding', 'gzip']], body: 'x' }],
    [
      431,
      'too many header lines',
      { headers: Array.from({ length: 101 }, (_, at): [string, string] => [`X-${at}`, '1']) },
    ],
  ])('an allowed origin, and no other, may read the response %i to %s', async (status, _what, request) => {
    const sendFrom = (origin: string) =>
      endpoints.send({ ...request, headers: [...(request.headers ?? []), ['Origin', origin]] })
    const response = await sendFrom(frontEnd)
    expect(response.status).toBe(status)
    expect(response.headers).toMatchObject(granted)
    expect(response.headers.vary).toMatch(/\bOrigin\b/)
    expect(grantedNames(await sendFrom(`${frontEnd}.evil.example`))).toEqual([])
  })

  test('cookies and credentials in a request do not change its response, and no cookie is set [V4, S2]', async () => {
    const credentials: [string, string][] = [
      ['Cookie', 'sessionid=a; csrftoken=b; __prerender_bypass=c; __next_preview_data=d; NEXT_LOCALE=de'],
      ['Authorization', 'Bearer x'],
    ]
    for (const body of ['{"login":"nobody"}', '{}']) {
      const without = await endpoints.send({ headers: [json, ['Origin', frontEnd]], body })
      const response = await endpoints.send({ headers: [json, ['Origin', frontEnd], ...credentials], body })
      expect([response.status, response.text]).toEqual([without.status, without.text])
      expect(Object.keys(response.headers)).toEqual(Object.keys(without.headers))
      expect(response.headers).not.toHaveProperty('set-cookie')
    }
  })

  test('a response to a request without an Origin header has no CORS headers', async () => {
    const response = await endpoints.sendJson(endpoints.known)
    expect(grantedNames(response)).toEqual([])
    expect(response.headers.vary).toMatch(/\bOrigin\b/)
  })
})
