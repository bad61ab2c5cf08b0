import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, openEndpoints, post, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as requestLink from '@/app/api/v1/accounts/send-reset-password-link/route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
beforeEach(() => endpoints.exchange())
afterAll(() => endpoints.close())

describe('endpoints with RESET_PASSWORD_VERIFICATION_ENABLED=false', () => {
  test('the endpoints for requests and resets respond with 404 to every request', async () => {
    endpoints.start({ RESET_PASSWORD_VERIFICATION_ENABLED: 'false' })
    await endpoints.expectRefused(post(), 404)
    await endpoints.expectRefused(post({}, '{'), 404)
    for (const route of [requestLink, reset])
      expect(route.OPTIONS(requestTo('reset-password', { method: 'OPTIONS' })).status).toBe(404)
  })

  test('a cancel link still works, and requests no new link', async () => {
    const off = endpoints.start({ RESET_PASSWORD_VERIFICATION_ENABLED: 'false' })
    const { id, link } = await endpoints.personWithLink('cancel-change', off)
    expect(await off.passwordReset.inspectCancelLink(link)).toMatchObject({ state: 'valid', newLink: false })
    expect(cancel.OPTIONS(requestTo('cancel-reset-password', { method: 'OPTIONS' })).status).toBe(200)
    const cancelOnce = () =>
      cancel.POST(requestTo('cancel-reset-password', { headers: json, body: JSON.stringify(link) }))
    const before = await endpoints.countRequests()
    expect((await cancelOnce()).status).toBe(200)
    expect((await off.accounts.read(id)).account?.linksEpoch).toBe(1)
    expect(await endpoints.countRequests()).toBe(before)
    expect((await cancelOnce()).status).toBe(400)
  })
})

describe('requests that Rekey cannot handle now', () => {
  async function expectUnavailable(response: Promise<Response>) {
    const { status, headers } = await response
    expect([status, headers.get('Retry-After')]).toEqual([503, '30'])
  }

  test('a request gets 503 and a time to retry after if it cannot be counted [R8]', async () => {
    await endpoints.sql.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_gone"')
    try {
      await endpoints.expectRefused(post(), 503)
      await expectUnavailable(post())
    } finally {
      await endpoints.sql.query('ALTER TABLE "rekey"."limits_gone" RENAME TO "limits"')
    }
    expect((await post()).status).toBe(200)
  })

  test('a request gets 503 and a time to retry after if the database cannot be reached [F7]', async () => {
    // No server listens on this port.
    const unreachable = endpoints.start({ DATABASE_URL: 'postgresql://127.0.0.1:1/x' })
    const failing = async () =>
      (await unreachable.accounts.read('0'), { ok: true, found: 'not-told' }) as never
    endpoints.exchange({ passwordReset: { ...endpoints.services.passwordReset, requestLink: failing } })
    await expectUnavailable(post())
  })

  test('a reset gets 503 and a time to retry after if too many passwords wait to be hashed [F14]', async () => {
    const { hash } = endpoints.services
    const { link } = await endpoints.personWithLink('reset')
    const body = JSON.stringify({ ...link, password: 'gravel lantern orchard 7' })
    let rushing = true
    // Keeps the hash queue full.
    const rush = Array.from({ length: 400 }, async () => {
      while (rushing) await hash.hash('x').catch(() => setTimeout(5))
    })
    const response = reset.POST(requestTo('reset-password', { headers: json, body }))
    await expectUnavailable(response).finally(() => (rushing = false))
    await Promise.all(rush)
    expect((await reset.POST(requestTo('reset-password', { headers: json, body }))).status).toBe(200)
  })
})

test('a request beyond a rate limit gets 429 and the seconds until the limit ends [R4]', async () => {
  endpoints.start({ LIMIT_REQUESTS_PER_CLIENT: '1/10m' })
  const client = { 'X-Rekey-Client': '203.0.113.77' }
  expect((await post(client)).status).toBe(200)
  const response = await post(client)
  expect([response.status, Number(response.headers.get('Retry-After'))]).toEqual([429, expect.any(Number)])
  expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(590)
})

test('a fault gets 500 without its message [I8]', async () => {
  const faulty = { requestLink: () => Promise.reject(new Error('relation "rekey"."users" of c4n4ry')) }
  endpoints.exchange({ passwordReset: { ...endpoints.services.passwordReset, ...faulty } })
  const response = await post()
  expect(response.status).toBe(500)
  expect(await response.text()).not.toMatch(/c4n4ry|users|Error/)
})
