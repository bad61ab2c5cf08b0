import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sent } from './exchange'
import {
  both,
  front,
  json,
  limit,
  sent,
  told,
  startEndpoints,
  type StartedEndpoints,
} from './started-endpoints'

let endpoints: StartedEndpoints
beforeAll(async () => void (endpoints = await startEndpoints()))
afterAll(() => endpoints?.app.stop())

describe('H8: origins', () => {
  const own = () => new URL(endpoints.app.url).origin
  const refused = [403, { detail: 'Cross-origin request refused.' }]

  test.each<[string, () => [string, string][]]>([
    ['no browser at all', () => []],
    [
      'its own page',
      () => [
        ['Origin', own()],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    [
      'its own form under no-referrer',
      () => [
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    ['its own page in a browser of old', () => [['Origin', own()]]],
    ['an address typed by hand', () => [['Sec-Fetch-Site', 'none']]],
    [
      'an allowed front end',
      () => [
        ['Origin', front],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
  ])('%s is heard', async (_who, headers) => {
    expect(told(await endpoints.sendJson(endpoints.known, headers()))).toEqual([200, sent])
  })

  test.each<[string, () => [string, string][]]>([
    [
      'a sandboxed frame',
      () => [
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
    ['null without more', () => [['Origin', 'null']]],
    ['an empty origin', () => [['Origin', '']]],
    ['another site', () => [['Origin', 'https://evil.example']]],
    ['another site that names no origin', () => [['Sec-Fetch-Site', 'cross-site']]],
    [
      'a neighbour of the same site',
      () => [
        ['Origin', 'https://other.front.example'],
        ['Sec-Fetch-Site', 'same-site'],
      ],
    ],
    ['a longer name', () => [['Origin', `${front}.evil.example`]]],
    ['a name with something in front', () => [['Origin', 'https://evil-front.example']]],
    ['the allowed one over http', () => [['Origin', 'http://front.example']]],
    ['the allowed one on another port', () => [['Origin', `${front}:8443`]]],
    ['the allowed one in capitals', () => [['Origin', 'https://FRONT.example']]],
    ['the allowed one with a path', () => [['Origin', `${front}/`]]],
    ['two origins in one', () => [['Origin', `${front}, https://evil.example`]]],
    ['its own host on another port', () => [['Origin', `${own()}1`]]],
  ])('H9: %s is refused, gets no CORS header, and nothing is stored', async (_who, headers) => {
    const before = await endpoints.asksStored()
    for (const method of ['POST', 'OPTIONS']) {
      const answer = await endpoints.send({
        method,
        headers: [json, ...headers()],
        body: JSON.stringify(endpoints.known),
      })
      expect(told(answer)).toEqual(refused)
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
      expect(answer.headers.vary).toMatch(/\bOrigin\b/)
    }
    expect(await endpoints.asksStored()).toBe(before)
  })

  test('a form that another site sends is refused, whatever its encoding (C17: and no page comes back)', async () => {
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
      const answer = await endpoints.send({
        headers: [['Content-Type', type], ...foreign],
        body: `login=${endpoints.person.username}`,
      })
      expect(told(answer)).toEqual(refused)
    }
  })
})

describe('H9: CORS', () => {
  const asking: [string, string][] = [
    ['Origin', front],
    ['Access-Control-Request-Method', 'POST'],
    ['Access-Control-Request-Headers', 'content-type'],
  ]

  test.each(both)(
    'a preflight of an allowed origin for %s is answered, without credentials',
    async (path) => {
      const answer = await endpoints.send({ method: 'OPTIONS', path, headers: asking })
      expect([answer.status, answer.text]).toEqual([204, ''])
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': front,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type, accept-language, x-csrftoken',
        'access-control-expose-headers': 'Retry-After',
        'cache-control': 'no-store',
      })
      expect(answer.headers.vary).toMatch(/\bOrigin\b/)
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    },
  )

  test.each<[number, string, Partial<Sent>]>([
    [200, 'a proper request', { headers: [json], body: '{"login":"nobody"}' }],
    [400, 'a missing field', { headers: [json], body: '{}' }],
    [400, 'a malformed body', { headers: [json], body: '{' }],
    [405, 'another method', { method: 'DELETE' }],
    [406, 'an Accept without JSON', { headers: [['Accept', 'image/png']] }],
    [413, 'a body too large', { headers: [json], body: ' '.repeat(limit + 1) }],
    [413, 'a body too large in chunks', { headers: [json], body: ' '.repeat(limit + 1), chunkSize: 4096 }],
    [415, 'an unknown media type', { headers: [['Content-Type', 'text/plain']], body: 'x' }],
  ])('an allowed origin may read the answer %i to %s', async (status, _what, request) => {
    const answer = await endpoints.send({
      ...request,
      headers: [...(request.headers ?? []), ['Origin', front]],
    })
    expect(answer.status).toBe(status)
    expect(answer.headers['access-control-allow-origin']).toBe(front)
    expect(answer.headers['access-control-expose-headers']).toBe('Retry-After')
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test('without an Origin nothing is said about CORS', async () => {
    const answer = await endpoints.sendJson(endpoints.known)
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    expect(answer.headers.vary).toMatch(/\bOrigin\b/)
  })
})
