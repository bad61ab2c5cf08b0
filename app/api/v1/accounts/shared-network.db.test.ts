import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { POST as cancel } from '@/app/api/v1/accounts/cancel-reset-password/route'
import { POST as reset } from '@/app/api/v1/accounts/reset-password/route'
import { form, json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { Link } from '@/lib/password-reset/reset-link'

// Clients behind a carrier's NAT or in one /64 count as one. These tests have the default limits.

let endpoints: Endpoints
beforeAll(async () => {
  endpoints = await openEndpoints()
}, 120_000)
afterAll(() => endpoints.close())

type Format = { headers: Record<string, string>; write: (fields: Record<string, string>) => BodyInit }
const formats: [string, Format][] = [
  ['as JSON', { headers: json, write: (fields) => JSON.stringify(fields) }],
  ['as a form', { headers: form, write: (fields) => new URLSearchParams(fields).toString() }],
]
const endpoint = { reset, cancel }
const path = { reset: 'reset-password', cancel: 'cancel-reset-password' }
const password = 'gravel orbit lantern 7'

/** Returns the status, or the page of a redirect. */
async function send(to: 'reset' | 'cancel', { headers, write }: Format, client: string, link: Link) {
  const fields = { ...link, timestamp: String(link.timestamp), password }
  const request = requestTo(path[to], {
    headers: { ...headers, 'x-rekey-client': client },
    body: write(fields),
  })
  const response = await endpoint[to](request)
  return response.headers.get('location') ?? String(response.status)
}

const forged: Link = { user_id: 'x', timestamp: 1, signature: 'A'.repeat(86) }

describe.each(formats)('forged links that are sent %s [R10]', (name, format) => {
  test.each(['reset', 'cancel'] as const)(
    'six hundred forged links do not keep others at the same address from a %s',
    async (to) => {
      const client = `203.0.113.${name.length}`
      const responses: string[] = []
      for (let i = 0; i < 600; i += 1) responses.push(await send(to, format, client, forged))
      expect(responses.slice(-500).every((response) => /429|error=throttled/.test(response))).toBe(true)
      const { link } = await endpoints.personWithLink(to)
      expect(await send(to, format, client, link)).toMatch(/^200$|\/done\/$/)
    },
    60_000,
  )

  test('a hundred forged links do not keep others at the same address from using a damaged link', async () => {
    const client = `198.51.100.${name.length}`
    for (let i = 0; i < 100; i += 1) await send('reset', format, client, forged)
    const { link } = await endpoints.personWithLink('reset')
    const damaged = { ...link, signature: `${link.signature}.` }
    expect(await send('reset', format, client, damaged)).toMatch(/^200$|\/done\/$/)
  })
})

test('a valid link that is posted up to its limit does not keep others at the same address from a reset [R10]', async () => {
  const [own, other] = [await endpoints.personWithLink('reset'), await endpoints.personWithLink('reset')]
  const [, format] = formats[0]!
  const statuses: string[] = []
  for (let i = 0; i < 70; i += 1) statuses.push(await send('reset', format, '192.0.2.7', own.link))
  expect([statuses[0], statuses[1], statuses.at(-1)]).toEqual(['200', '400', '429'])
  expect(await send('reset', format, '192.0.2.7', other.link)).toBe('200')
})
