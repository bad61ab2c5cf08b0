import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  form,
  front,
  json,
  openEndpoints,
  own,
  post,
  requestTo,
  type Endpoints,
} from '@/e2e/support/endpoints'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as send from '@/app/api/v1/accounts/send-reset-password-link/route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
afterAll(() => endpoints.close())

describe('origins of requests [H8]', () => {
  test.each<[string, Record<string, string>]>([
    ['another site', { Origin: 'https://evil.example' }],
    ['a page without an origin', { Origin: 'null' }],
    ['an origin that begins like an allowed one', { Origin: `${front}.evil.example` }],
    ['an origin that begins like Rekey’s', { Origin: `${own}.evil.example` }],
    ['Rekey’s host without TLS', { Origin: 'http://id.example.com' }],
    ['another host of the same site', { Origin: 'https://www.example.com', 'Sec-Fetch-Site': 'same-site' }],
    ['another site that hides its origin', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another host of the same site that hides its origin', { 'Sec-Fetch-Site': 'same-site' }],
  ])('every endpoint rejects a request from %s', async (_who, headers) => {
    await endpoints.expectRefused(post(headers), 403)
    await endpoints.expectRefused(
      reset.POST(requestTo('reset-password', { headers: { ...json, ...headers }, body: '{}' })),
      403,
    )
    await endpoints.expectRefused(
      cancel.POST(requestTo('cancel-reset-password', { headers: { ...json, ...headers }, body: '{}' })),
      403,
    )
  })

  test('a form on another site gets a 403 and no redirect to a page', async () => {
    await endpoints.expectRefused(post({ ...form, Origin: 'https://evil.example' }, 'login=nobody'), 403)
  })

  test.each<[string, Record<string, string>]>([
    ['a page of Rekey', { Origin: own, 'Sec-Fetch-Site': 'same-origin' }],
    [
      'a form of Rekey under the referrer policy no-referrer',
      { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' },
    ],
    ['a page of Rekey in an old browser', { Origin: own }],
    ['an allowed front end', { Origin: front, 'Sec-Fetch-Site': 'cross-site' }],
    ['a browser without a page', { 'Sec-Fetch-Site': 'none' }],
    ['a client that is not a browser', {}],
  ])('a request from %s is accepted', async (_who, headers) => {
    const before = await endpoints.countRequests()
    expect((await post(headers)).status).toBe(200)
    expect(await endpoints.countRequests()).toBe(before + 1)
  })
})

describe('CORS headers [H9]', () => {
  const preflight = {
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'x-csrftoken',
  }
  const endpointsWith = { reset, cancel, send }
  const options = (endpoint: keyof typeof endpointsWith, headers: Record<string, string>) =>
    endpointsWith[endpoint].OPTIONS(
      requestTo('x', { method: 'OPTIONS', headers: { ...preflight, ...headers } }),
    )
  const granted = (response: Response) =>
    [...response.headers.keys()].filter((name) => /^access-control-/.test(name))

  test.each(['reset', 'cancel', 'send'] as const)(
    'a preflight request of an allowed origin for the endpoint "%s" is granted',
    async (endpoint) => {
      const response = options(endpoint, { Origin: front, Accept: 'image/png' })
      expect([response.status, await response.text()]).toEqual([204, ''])
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'x-csrftoken',
        vary: 'Origin, Access-Control-Request-Headers',
      })
    },
  )

  test('a preflight request is granted while resets are switched off, so that a script can read the 404 that follows [V4]', async () => {
    endpoints.exchange({
      settings: {
        ...endpoints.services.settings,
        reset: { ...endpoints.services.settings.reset, enabled: false },
      },
    })
    try {
      expect(options('reset', { Origin: front }).status).toBe(204)
      expect((await post({ Origin: front })).status).toBe(404)
      expect(options('reset', { Origin: own }).status).toBe(404)
    } finally {
      endpoints.exchange()
    }
  })

  test.each(['https://evil.example', 'null', `${front}.evil.example`, 'http://front.example'])(
    'a preflight request of the origin %s gets 403',
    async (origin) => {
      for (const endpoint of ['reset', 'cancel', 'send'] as const) {
        const response = options(endpoint, { Origin: origin })
        expect([response.status, granted(response)]).toEqual([403, []])
      }
    },
  )

  test('an OPTIONS request of Rekey’s own origin gets no CORS headers', () => {
    const response = options('reset', { Origin: own })
    expect([response.status, granted(response)]).toEqual([200, []])
  })

  test('every response names Origin in Vary', async () => {
    for (const response of [await post(), await post({}, '{'), options('reset', { Origin: own })])
      expect(response.headers.get('Vary')).toBe('Accept, Accept-Language, Origin')
  })
})
