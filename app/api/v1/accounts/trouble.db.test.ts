import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, openEndpoints, post, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as ask from '@/app/api/v1/accounts/send-reset-password-link/route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
beforeEach(() => endpoints.exchange())
afterAll(() => endpoints.close())

describe('switched off', () => {
  test('the endpoints are not there, whatever is sent, and describe nothing', async () => {
    endpoints.start({ RESET_PASSWORD_VERIFICATION_ENABLED: 'false' })
    await endpoints.expectRefused(post(), 404)
    await endpoints.expectRefused(post({}, '{'), 404)
    for (const one of [ask, reset])
      expect(one.OPTIONS(requestTo('reset-password', { method: 'OPTIONS' })).status).toBe(404)
  })

  test('"this wasn’t me" goes on working, and starts no fresh reset', async () => {
    const off = endpoints.start({ RESET_PASSWORD_VERIFICATION_ENABLED: 'false' })
    const { id, link } = await endpoints.personWithLink('cancel-change', off)
    expect(await off.passwordReset.inspectCancelLink(link)).toMatchObject({ state: 'valid', newLink: false })
    expect(cancel.OPTIONS(requestTo('cancel-reset-password', { method: 'OPTIONS' })).status).toBe(200)
    const press = () =>
      cancel.POST(requestTo('cancel-reset-password', { headers: json, body: JSON.stringify(link) }))
    const before = await endpoints.countRequests()
    expect((await press()).status).toBe(200)
    expect((await off.accounts.read(id)).account?.linksEpoch).toBe(1)
    expect(await endpoints.countRequests()).toBe(before)
    expect((await press()).status).toBe(400)
  })
})

describe('what cannot be done now is answered 503, and says when to come back', () => {
  async function expectUnavailable(response: Promise<Response>) {
    const { status, headers } = await response
    expect([status, headers.get('Retry-After')]).toEqual([503, '30'])
  }

  test('where nothing can be counted [R8]', async () => {
    await endpoints.sql.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_gone"')
    try {
      await endpoints.expectRefused(post(), 503)
      await expectUnavailable(post())
    } finally {
      await endpoints.sql.query('ALTER TABLE "rekey"."limits_gone" RENAME TO "limits"')
    }
    expect((await post()).status).toBe(200)
  })

  test('where the queue cannot be written because the database is away [F7]', async () => {
    // Nobody listens on this port.
    const gone = endpoints.start({ DATABASE_URL: 'postgresql://127.0.0.1:1/x' })
    const away = async () => (await gone.accounts.read('0'), { ok: true, found: 'not-told' }) as never
    endpoints.exchange({ passwordReset: { ...endpoints.services.passwordReset, requestLink: away } })
    await expectUnavailable(post())
  })

  test('where too many passwords wait to be hashed [F14]', async () => {
    const { hash } = endpoints.services
    const { link } = await endpoints.personWithLink('reset')
    const body = JSON.stringify({ ...link, password: 'gravel lantern orchard 7' })
    let rushing = true
    // Each request that is served is followed by another one at once, so that no place is ever free.
    const rush = Array.from({ length: 400 }, async () => {
      while (rushing) await hash.hash('x').catch(() => setTimeout(5))
    })
    const response = reset.POST(requestTo('reset-password', { headers: json, body }))
    await expectUnavailable(response).finally(() => (rushing = false))
    await Promise.all(rush)
    expect((await reset.POST(requestTo('reset-password', { headers: json, body }))).status).toBe(200)
  })
})

test('who is refused is told until when [R4]', async () => {
  endpoints.start({ LIMIT_REQUESTS_PER_CLIENT: '1/10m' })
  const client = { 'X-Rekey-Client': '203.0.113.77' }
  expect((await post(client)).status).toBe(200)
  const response = await post(client)
  expect([response.status, Number(response.headers.get('Retry-After'))]).toEqual([429, expect.any(Number)])
  expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(590)
})

test('a fault of ours is answered without its words [I8]', async () => {
  const faulty = { requestLink: () => Promise.reject(new Error('relation "rekey"."users" of c4n4ry')) }
  endpoints.exchange({ passwordReset: { ...endpoints.services.passwordReset, ...faulty } })
  const response = await post()
  expect(response.status).toBe(500)
  expect(await response.text()).not.toMatch(/c4n4ry|users|Error/)
})
