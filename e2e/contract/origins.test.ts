import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Received, Sent } from '@/e2e/support/exchange'
import {
  both,
  front,
  json,
  limit,
  sent,
  told,
  startEndpoints,
  type StartedEndpoints,
} from '@/e2e/support/started-endpoints'

let endpoints: StartedEndpoints
beforeAll(async () => void (endpoints = await startEndpoints()))
afterAll(() => endpoints?.app.stop())

describe('origins [H8]', () => {
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
    ['the allowed one with a user name', () => [['Origin', 'https://user@front.example']]],
    ['two origins in one', () => [['Origin', `${front}, https://evil.example`]]],
    ['its own host on another port', () => [['Origin', `${own()}1`]]],
  ])('%s is refused, gets no CORS header, and nothing is stored [H9]', async (_who, headers) => {
    const before = await endpoints.requestsStored()
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
    expect(await endpoints.requestsStored()).toBe(before)
  })

  test('a form that another site sends is refused, whatever its encoding, and no page comes back [C17]', async () => {
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

describe('CORS [H9]', () => {
  const asking: [string, string][] = [
    ['Origin', front],
    ['Access-Control-Request-Method', 'POST'],
  ]
  const granted = {
    'access-control-allow-origin': front,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After, Error-Codes, X-Request-Id',
  }
  const grantedNames = ({ headers }: Received) =>
    Object.keys(headers).filter((name) => name.startsWith('access-control-'))

  test.each(both)('a preflight of an allowed origin for %s is granted what it asks for', async (path) => {
    const names: [string, string] = ['Access-Control-Request-Headers', 'content-type,traceparent,x-csrftoken']
    const answer = await endpoints.send({ method: 'OPTIONS', path, headers: [...asking, names] })
    expect([answer.status, answer.text]).toEqual([204, ''])
    expect(answer.headers).toMatchObject({
      ...granted,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type, traceparent, x-csrftoken',
      'access-control-max-age': '600',
      vary: expect.stringMatching(/Origin, Access-Control-Request-Headers$/),
      'cache-control': 'no-store',
    })
  })

  test.each<[string, string]>([
    ['65 of them', Array.from({ length: 65 }, (_, at) => `x-${at}`).join(',')],
    ['more than 2 KiB of them', 'x'.repeat(2049)],
    ['one with a space', 'content-type,x a'],
    ['one that means every header', '*'],
  ])('of header names none are granted where a preflight asks for %s', async (_what, requested) => {
    const headers: [string, string][] = [...asking, ['Access-Control-Request-Headers', requested]]
    const answer = await endpoints.send({ method: 'OPTIONS', headers })
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([204, front])
    expect(answer.headers).not.toHaveProperty('access-control-allow-headers')
  })

  test.each<[number, string, Partial<Sent>]>([
    [200, 'a proper request', { headers: [json], body: '{"login":"nobody"}' }],
    [400, 'a missing field', { headers: [json], body: '{}' }],
    [400, 'a malformed body', { headers: [json], body: '{' }],
    [404, 'a path that there is not', { path: '/api/v1/accounts/register/', headers: [json], body: '{}' }],
    [404, 'a path spelt otherwise', { path: '/api/v1/accounts//reset-password/' }],
    [405, 'another method', { method: 'DELETE' }],
    [405, 'a method that nothing has', { method: 'PROPFIND' }],
    [406, 'an Accept without JSON', { headers: [['Accept', 'image/png']] }],
    [413, 'a body too large', { headers: [json], body: ' '.repeat(limit + 1) }],
    [413, 'a body too large in chunks', { headers: [json], body: ' '.repeat(limit + 1), chunkSize: 4096 }],
    [415, 'an unknown media type', { headers: [['Content-Type', 'text/plain']], body: 'x' }],
    [415, 'a compressed body', { headers: [json, ['Content-Encoding', 'gzip']], body: 'x' }],
    [
      431,
      'too many header lines',
      { headers: Array.from({ length: 101 }, (_, at): [string, string] => [`X-${at}`, '1']) },
    ],
  ])('an allowed origin may read the answer %i to %s, and no other may', async (status, _what, request) => {
    const sendFrom = (origin: string) =>
      endpoints.send({ ...request, headers: [...(request.headers ?? []), ['Origin', origin]] })
    const answer = await sendFrom(front)
    expect(answer.status).toBe(status)
    expect(answer.headers).toMatchObject(granted)
    expect(answer.headers.vary).toMatch(/\bOrigin\b/)
    expect(grantedNames(await sendFrom(`${front}.evil.example`))).toEqual([])
  })

  test('cookies and credentials change nothing, and none are set [V4, S2]', async () => {
    const credentials: [string, string][] = [
      ['Cookie', 'sessionid=a; csrftoken=b; __prerender_bypass=c; __next_preview_data=d; NEXT_LOCALE=de'],
      ['Authorization', 'Bearer x'],
    ]
    for (const body of ['{"login":"nobody"}', '{}']) {
      const without = await endpoints.send({ headers: [json, ['Origin', front]], body })
      const answer = await endpoints.send({ headers: [json, ['Origin', front], ...credentials], body })
      expect([answer.status, answer.text]).toEqual([without.status, without.text])
      expect(Object.keys(answer.headers)).toEqual(Object.keys(without.headers))
      expect(answer.headers).not.toHaveProperty('set-cookie')
    }
  })

  test('without an Origin nothing is said about CORS', async () => {
    const answer = await endpoints.sendJson(endpoints.known)
    expect(grantedNames(answer)).toEqual([])
    expect(answer.headers.vary).toMatch(/\bOrigin\b/)
  })
})
