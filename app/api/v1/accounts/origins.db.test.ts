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

describe('whose page asks [H8]', () => {
  test.each<[string, Record<string, string>]>([
    ['another site', { Origin: 'https://evil.example' }],
    ['a page without an origin', { Origin: 'null' }],
    ['an origin that begins like an allowed one', { Origin: `${front}.evil.example` }],
    ['an origin that begins like ours', { Origin: `${own}.evil.example` }],
    ['our host without TLS', { Origin: 'http://id.example.com' }],
    ['a sister of ours', { Origin: 'https://www.example.com', 'Sec-Fetch-Site': 'same-site' }],
    ['another site that hides its origin', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a sister that hides its origin', { 'Sec-Fetch-Site': 'same-site' }],
  ])('%s is refused', async (_who, headers) => {
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

  test('its form, too, is told no rather than led to a page of ours', async () => {
    await endpoints.expectRefused(post({ ...form, Origin: 'https://evil.example' }, 'login=nobody'), 403)
  })

  test.each<[string, Record<string, string>]>([
    ['our own page', { Origin: own, 'Sec-Fetch-Site': 'same-origin' }],
    ['our own form under no-referrer', { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }],
    ['our own page in an old browser', { Origin: own }],
    ['an allowed front end', { Origin: front, 'Sec-Fetch-Site': 'cross-site' }],
    ['somebody who types', { 'Sec-Fetch-Site': 'none' }],
    ['no browser', {}],
  ])('%s is answered', async (_who, headers) => {
    const before = await endpoints.countRequests()
    expect((await post(headers)).status).toBe(200)
    expect(await endpoints.countRequests()).toBe(before + 1)
  })
})

describe('CORS [H9]', () => {
  const asking = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-csrftoken' }
  const endpointsWith = { reset, cancel, send }
  const options = (endpoint: keyof typeof endpointsWith, headers: Record<string, string>) =>
    endpointsWith[endpoint].OPTIONS(requestTo('x', { method: 'OPTIONS', headers: { ...asking, ...headers } }))
  const granted = (response: Response) =>
    [...response.headers.keys()].filter((name) => /^access-control-/.test(name))

  test.each(['reset', 'cancel', 'send'] as const)(
    'a preflight of an allowed origin for %s is granted',
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

  test('it is granted while resets are switched off, so that a script can read the 404 that follows [V4]', async () => {
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
    'a preflight of %s is refused',
    async (origin) => {
      for (const endpoint of ['reset', 'cancel', 'send'] as const) {
        const response = options(endpoint, { Origin: origin })
        expect([response.status, granted(response)]).toEqual([403, []])
      }
    },
  )

  test('our own origin needs no grant and gets none', () => {
    const response = options('reset', { Origin: own })
    expect([response.status, granted(response)]).toEqual([200, []])
  })

  test('every response says that it depends on the origin', async () => {
    for (const response of [await post(), await post({}, '{'), options('reset', { Origin: own })])
      expect(response.headers.get('Vary')).toBe('Accept, Accept-Language, Origin')
  })
})
