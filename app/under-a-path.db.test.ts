import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { form, json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { LinkPurpose } from '@/lib/password-reset/reset-link'
import type { Services } from '@/services'
import { GET as changePassword } from '@/app/.well-known/change-password/route'
import { GET as securityContact } from '@/app/.well-known/security.txt/route'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as requestLink from '@/app/api/v1/accounts/send-reset-password-link/route'

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
const redirectOf = async (response: Promise<Response>) => {
  const { status, headers } = await response
  expect(status).toBe(303)
  return headers.get('location')
}

describe('redirects of forms without scripts under a path [V8]', () => {
  test('a request leads to the page "check your email" under the path, or back to its page with an error', async () => {
    expect(await redirectOf(requestLink.POST(send('send-reset-password-link', { login: 'nobody' })))).toBe(
      '/account/forgot-password/sent/',
    )
    expect(await redirectOf(requestLink.POST(send('send-reset-password-link', { login: ' ' }, 'de')))).toBe(
      '/account/forgot-password/?error=login.blank&lang=de',
    )
  })

  test('a reset leads to its last page under the path, or back to its page with the link and an error', async () => {
    const link = await linkFor('reset')
    expect(await redirectOf(reset.POST(send('reset-password', { ...link, password: '123' })))).toMatch(
      /^\/account\/reset-password\/\?user_id=[\w-]+&timestamp=\d+&signature=[\w-]+&error=password.too-short/,
    )
    expect(
      await redirectOf(reset.POST(send('reset-password', { ...link, password: 'gravel marble lantern 7' }))),
    ).toBe('/account/reset-password/done/')
  })

  test('a cancelled link leads to its last page under the path, or back to its page', async () => {
    const link = await linkFor('cancel')
    expect(await redirectOf(cancel.POST(send('cancel-reset-password', { ...link, signature: 'x' })))).toMatch(
      /^\/account\/cancel-reset\/\?user_id=/,
    )
    expect(await redirectOf(cancel.POST(send('cancel-reset-password', link)))).toBe(
      '/account/cancel-reset/done/',
    )
  })
})

test('the address for password managers redirects to the page that requests a link under the path [V8]', async () => {
  expect(await redirectOf(Promise.resolve(changePassword()))).toBe('/account/forgot-password/')
})

test('security.txt names its address at the root of the host, where a proxy serves it [V8]', async () => {
  endpoints.start({ PUBLIC_URL: 'https://example.com/account', SECURITY_CONTACT: 's@example.com' })
  expect(await securityContact().text()).toContain(
    'Canonical: https://example.com/.well-known/security.txt\n',
  )
  endpoints.exchange(services)
})

test('requests from the whole origin of Rekey are accepted, and those of other origins are not [V9, H8]', async () => {
  const from = (origin: string) =>
    requestLink.POST(
      requestTo('send-reset-password-link', {
        headers: { ...json, Origin: origin },
        body: JSON.stringify({ login: 'nobody' }),
      }),
    )
  expect((await from('https://example.com')).status).toBe(200)
  for (const other of ['https://account.example.com', 'https://example.com/account'])
    expect((await from(other)).status).toBe(403)
})
