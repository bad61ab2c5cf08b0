import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { POST as cancel } from '@/app/api/v1/accounts/cancel-reset-password/route'
import { POST as reset } from '@/app/api/v1/accounts/reset-password/route'
import { form, json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { Link } from '@/lib/password-reset/reset-link'

// The people of an office, of a carrier's NAT or of a /64 share one address. With the default limits.

let endpoints: Endpoints
beforeAll(async () => {
  endpoints = await openEndpoints()
}, 120_000)
afterAll(() => endpoints.close())

type Way = { headers: Record<string, string>; write: (fields: Record<string, string>) => BodyInit }
const ways: [string, Way][] = [
  ['as JSON', { headers: json, write: (fields) => JSON.stringify(fields) }],
  ['by the form of a page', { headers: form, write: (fields) => new URLSearchParams(fields).toString() }],
]
const endpoint = { reset, cancel }
const path = { reset: 'reset-password', cancel: 'cancel-reset-password' }
const password = 'gravel orbit lantern 7'

/** Posts a link from a client, and says what became of it: a status, or the page that a browser is sent to. */
async function send(to: 'reset' | 'cancel', { headers, write }: Way, client: string, link: Link) {
  const fields = { ...link, timestamp: String(link.timestamp), password }
  const request = requestTo(path[to], {
    headers: { ...headers, 'x-rekey-client': client },
    body: write(fields),
  })
  const response = await endpoint[to](request)
  return response.headers.get('location') ?? String(response.status)
}

const forged: Link = { user_id: 'x', timestamp: 1, signature: 'A'.repeat(86) }

describe.each(ways)('sent %s, six hundred forged links [R10]', (way, how) => {
  test.each(['reset', 'cancel'] as const)(
    'refuse nobody at the same address a genuine %s',
    async (to) => {
      const client = `203.0.113.${way.length}`
      const responses: string[] = []
      for (let i = 0; i < 600; i += 1) responses.push(await send(to, how, client, forged))
      expect(responses.slice(-500).every((response) => /429|error=throttled/.test(response))).toBe(true)
      const { link } = await endpoints.personWithLink(to)
      expect(await send(to, how, client, link)).toMatch(/^200$|\/done\/$/)
    },
    60_000,
  )

  test('refuse nobody a genuine link that a mail program damaged', async () => {
    const client = `198.51.100.${way.length}`
    for (let i = 0; i < 100; i += 1) await send('reset', how, client, forged)
    const { link } = await endpoints.personWithLink('reset')
    const damaged = { ...link, signature: `${link.signature}.` }
    expect(await send('reset', how, client, damaged)).toMatch(/^200$|\/done\/$/)
  })
})

test('a link of one’s own, posted until it is refused, refuses nobody else at the same address [R10]', async () => {
  const [own, other] = [await endpoints.personWithLink('reset'), await endpoints.personWithLink('reset')]
  const [, how] = ways[0]!
  const statuses: string[] = []
  for (let i = 0; i < 70; i += 1) statuses.push(await send('reset', how, '192.0.2.7', own.link))
  expect([statuses[0], statuses[1], statuses.at(-1)]).toEqual(['200', '400', '429'])
  expect(await send('reset', how, '192.0.2.7', other.link)).toBe('200')
})
