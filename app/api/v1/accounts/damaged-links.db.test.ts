import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import { linkDamages } from '@/e2e/support/link-damages'
import { buildLinkUrl, type Link, type LinkPurpose } from '@/lib/password-reset/reset-link'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as send from '@/app/api/v1/accounts/send-reset-password-link/route'

// A team's own front end reads the damaged address with its router, and sends the parameters that it finds.

let endpoints: Endpoints
let personWithLink: (purpose: LinkPurpose) => ReturnType<Endpoints['personWithLink']>
beforeAll(async () => {
  endpoints = await openEndpoints()
  const parts = endpoints.start({ LIMIT_RESETS_PER_CLIENT: '1000/1m', LIMIT_ATTEMPTS_PER_LINK: '1000/1m' })
  personWithLink = (purpose) => endpoints.personWithLink(purpose, parts)
})
afterAll(() => endpoints?.close())

const handlers = {
  'reset-password': reset,
  'cancel-reset-password': cancel,
  'send-reset-password-link': send,
}

async function post(path: keyof typeof handlers, fields: object): Promise<[number, unknown]> {
  const response = await handlers[path].POST(requestTo(path, { headers: json, body: JSON.stringify(fields) }))
  return [response.status, await response.json()]
}

const parametersOf = (address: string) => Object.fromEntries(new URL(address).searchParams)
const addressOf = (link: Link) => buildLinkUrl('https://front.example/reset/', link)

const tooShort = [
  400,
  { password: expect.arrayContaining([expect.stringMatching(/^This password is too short/)]) },
]
const sent = [200, { detail: 'Reset link sent if the user exists in database' }]
const damages = linkDamages.filter(({ only }) => only === undefined)

describe('a front end that sends the parameters of a damaged link [U12]', () => {
  let link: Link
  beforeAll(async () => void ({ link } = await personWithLink('reset')))

  test.each(damages)('a link with the damage "$what" is verified like the whole link', async ({ damage }) => {
    const fields = parametersOf(damage(addressOf(link)))
    // The password is checked only if the link is valid.
    expect(await post('reset-password', { ...fields, password: 'qT7' })).toEqual(tooShort)
  })

  test('a damaged link requests a new one without a login', async () => {
    const before = await endpoints.countRequests()
    const damaged = parametersOf(`${addressOf(link).replace('&timestamp', '×tamp')}.`)
    expect(await post('send-reset-password-link', damaged)).toEqual(sent)
    expect(await endpoints.countRequests()).toBe(before + 1)
  })

  test('a damaged link resets the password once', async () => {
    const person = await personWithLink('reset')
    const damaged = parametersOf(addressOf(person.link).replace('&timestamp', '×tamp'))
    const done = await post('reset-password', { ...damaged, password: 'gravel orbit lantern' })
    expect(done).toEqual([200, { detail: 'Reset password successful' }])
    const again = await post('reset-password', { ...damaged, password: 'gravel orbit lantern' })
    expect(again).toEqual([400, { detail: 'Invalid signature', code: 'signature-used' }])
  })

  test.each(['cancel', 'cancel-change'] as const)(
    'a damaged cancel link of the purpose "%s" cancels once',
    async (purpose) => {
      const { link: toCancel } = await personWithLink(purpose)
      const damaged = parametersOf(`${addressOf(toCancel).replace('&timestamp', '×tamp')}.`)
      expect(await post('cancel-reset-password', damaged)).toMatchObject([200, {}])
      expect(await post('cancel-reset-password', damaged)).toMatchObject([400, { code: 'signature-used' }])
    },
  )
})

describe('a forged link that is damaged like a real one [T12]', () => {
  const forged = { user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11', timestamp: 1_790_000_000 }
  const address = addressOf({ ...forged, signature: 'A'.repeat(86) })

  test('a forged link with all three fields gets the error of an undamaged one', async () => {
    const { id, link } = await personWithLink('reset')
    const bad = (link.signature.startsWith('A') ? 'B' : 'A') + link.signature.slice(1)
    const known = addressOf({ ...link, user_id: id, signature: bad })
    for (const forgery of [address, known])
      for (const fields of [parametersOf(forgery), parametersOf(`${forgery}.`)])
        for (const path of ['reset-password', 'cancel-reset-password'] as const)
          expect(await post(path, { ...fields, password: 'qT7' })).toEqual([
            400,
            { detail: 'Invalid signature', code: 'signature-invalid' },
          ])
  })

  test('a forged link without a field gets the error of a missing field, and does not replace a login', async () => {
    const damaged = parametersOf(address.replace('&timestamp', '×tamp'))
    const required = ['This field is required.']
    expect(await post('reset-password', { ...damaged, password: 'qT7' })).toEqual([
      400,
      { timestamp: required },
    ])
    expect(await post('cancel-reset-password', damaged)).toEqual([400, { timestamp: required }])
    expect(await post('send-reset-password-link', damaged)).toEqual([400, { login: required }])
  })
})
