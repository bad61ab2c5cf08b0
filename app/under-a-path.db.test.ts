import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { form, json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { LinkPurpose } from '@/lib/password-reset/reset-link'
import type { Services } from '@/services'
import { GET as changePassword } from '@/app/.well-known/change-password/route'
import { GET as securityContact } from '@/app/.well-known/security.txt/route'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as ask from '@/app/api/v1/accounts/send-reset-password-link/route'

// The handlers of an installation at https://example.com/account/: where they lead, and whom they believe.

let endpoints: Endpoints
let services: Services
beforeAll(async () => {
  endpoints = await openEndpoints()
  services = endpoints.start({ PUBLIC_URL: 'https://example.com/account/' })
}, 120_000)
afterAll(() => endpoints.close())

const ownForm = { ...form, Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }
const send = (path: string, body: Record<string, string | number>, language?: string) =>
  requestTo(path, {
    headers: { ...ownForm, ...(language !== undefined && { 'x-rekey-language': language }) },
    body: new URLSearchParams(Object.entries(body).map(([name, value]) => [name, String(value)])).toString(),
  })
const linkFor = async (purpose: LinkPurpose) => (await endpoints.personWithLink(purpose, services)).link
const where = async (response: Promise<Response>) => {
  const { status, headers } = await response
  expect(status).toBe(303)
  return headers.get('location')
}

describe('a form without JavaScript leads on under the path [V8]', () => {
  test('from asking for a link to "check your email", or back with what is missing', async () => {
    expect(await where(ask.POST(send('send-reset-password-link', { login: 'nobody' })))).toBe(
      '/account/forgot-password/sent/',
    )
    expect(await where(ask.POST(send('send-reset-password-link', { login: ' ' }, 'de')))).toBe(
      '/account/forgot-password/?error=login.blank&lang=de',
    )
  })

  test('from the new password to the end, or back with the link', async () => {
    const link = await linkFor('reset')
    expect(await where(reset.POST(send('reset-password', { ...link, password: '123' })))).toMatch(
      /^\/account\/reset-password\/\?user_id=[\w-]+&timestamp=\d+&signature=[\w-]+&error=password.too-short/,
    )
    expect(
      await where(reset.POST(send('reset-password', { ...link, password: 'gravel marble lantern 7' }))),
    ).toBe('/account/reset-password/done/')
  })

  test('from "this wasn\'t me" to its end, or back', async () => {
    const link = await linkFor('cancel')
    expect(await where(cancel.POST(send('cancel-reset-password', { ...link, signature: 'x' })))).toMatch(
      /^\/account\/cancel-reset\/\?user_id=/,
    )
    expect(await where(cancel.POST(send('cancel-reset-password', link)))).toBe('/account/cancel-reset/done/')
  })
})

test('password managers are led to the form under the path [V8]', async () => {
  expect(await where(Promise.resolve(changePassword()))).toBe('/account/forgot-password/')
})

test('security.txt says that it belongs at the root of the host, where a proxy routes it [V8]', async () => {
  endpoints.start({ PUBLIC_URL: 'https://example.com/account', SECURITY_CONTACT: 's@example.com' })
  expect(await securityContact().text()).toContain(
    'Canonical: https://example.com/.well-known/security.txt\n',
  )
  endpoints.exchange(services)
})

test('any app of the same origin counts as our own page, and no other does [V9, H8]', async () => {
  const from = (origin: string) =>
    ask.POST(
      requestTo('send-reset-password-link', {
        headers: { ...json, Origin: origin },
        body: JSON.stringify({ login: 'nobody' }),
      }),
    )
  expect((await from('https://example.com')).status).toBe(200)
  for (const other of ['https://account.example.com', 'https://example.com/account'])
    expect((await from(other)).status).toBe(403)
})
