import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { OPTIONS } from '@/app/api/v1/accounts/send-reset-password-link/route'
import { form, openEndpoints, post, requestTo, type Endpoints } from '@/e2e/support/endpoints'

let endpoints: Endpoints
beforeAll(async () => {
  endpoints = await openEndpoints()
}, 120_000)
afterAll(() => endpoints.close())

let logged: Record<string, unknown>[]
beforeEach(() => {
  logged = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  endpoints.exchange({ log })
})
const refusals = () => logged.filter(({ event }) => event === 'requests_refused')

test('if people reach Rekey by another address than PUBLIC_URL, one log line for all of them names PUBLIC_URL [V6]', async () => {
  for (let time = 0; time < 3; time += 1)
    expect((await post({ ...form, Origin: 'http://intranet:3000' }, 'login=nobody')).status).toBe(403)
  expect(refusals()).toMatchObject([
    { level: 40, reason: 'cross-origin', setting: 'PUBLIC_URL, CORS_ALLOWED_ORIGINS' },
  ])
  expect(JSON.stringify(refusals())).not.toContain('intranet')
})

test('a preflight from a front end that is missing in CORS_ALLOWED_ORIGINS is refused and logged [V6]', async () => {
  const headers = { Origin: 'https://forgotten.example', 'Access-Control-Request-Method': 'POST' }
  expect(OPTIONS(requestTo('send-reset-password-link', { headers, method: 'OPTIONS' })).status).toBe(403)
  expect(refusals()).toMatchObject([{ reason: 'cross-origin' }])
})

test('one log line names TRUSTED_PROXY_HOPS if private addresses are throttled, and none if a public one is [V6]', async () => {
  const limited = endpoints.start({ LIMIT_REQUESTS_PER_CLIENT: '1/1m' })
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  endpoints.exchange({ passwordReset: limited.passwordReset, log })
  const throttle = async (client: string) => {
    const responses = [await post({ 'x-rekey-client': client }), await post({ 'x-rekey-client': client })]
    expect(responses.at(-1)!.status).toBe(429)
  }
  await throttle('203.0.113.77')
  expect(refusals()).toEqual([])
  await throttle('10.0.0.2')
  await throttle('unknown')
  expect(refusals()).toMatchObject([{ reason: 'throttled-proxy', setting: 'TRUSTED_PROXY_HOPS' }])
})
