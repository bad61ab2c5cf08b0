import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { form, front, json, openEndpoints, own, post, requestTo, type Endpoints } from '@/e2e/world/endpoints'
import * as cancel from './cancel-reset-password/route'
import * as reset from './reset-password/route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
afterAll(() => endpoints.close())

describe('H8: whose page asks', () => {
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
    const before = await endpoints.asked()
    expect((await post(headers)).status).toBe(200)
    expect(await endpoints.asked()).toBe(before + 1)
  })
})

describe('H9: CORS', () => {
  const preflight = (origin: string) =>
    reset.OPTIONS(
      requestTo('reset-password', {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      }),
    )

  test('an allowed origin may read answers, of errors too, and never with credentials', async () => {
    for (const answer of [
      await post({ Origin: front }),
      await post({ Origin: front }, '{'),
      preflight(front),
    ]) {
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(front)
      expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull()
      expect(answer.headers.get('Vary')).toContain('Origin')
    }
  })

  test.each(['https://evil.example', 'null', `${front}.evil.example`, 'http://front.example', own])(
    '%s is granted nothing',
    async (origin) => {
      for (const answer of [await post({ Origin: origin }), preflight(origin)]) {
        for (const name of ['Origin', 'Methods', 'Headers'])
          if (origin !== own || name === 'Origin')
            expect(answer.headers.get(`Access-Control-Allow-${name}`)).toBeNull()
      }
      if (origin !== own) expect(preflight(origin).status).toBe(403)
    },
  )
})
