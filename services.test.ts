import { expect, test } from 'vitest'
import { createLinks } from '@/lib/password-reset/reset-link'
import { createServices } from './services'
import { readSettings } from '@/lib/config/settings'

const secret = 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5'
const state = { passwordHash: 'a hash', email: 'ada@example.com', isActive: true, linksEpoch: 0 }

/** The links of an installation; nothing is connected to before it is used. */
function linksAt(publicUrl: string) {
  return createServices(
    readSettings({
      SECRET_KEY: secret,
      DATABASE_URL: 'postgresql://rekey@localhost/none',
      PUBLIC_URL: publicUrl,
      SMTP_URL: 'smtp://localhost',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
    }),
  ).links
}

test('V9: a link of the same host under another path, or under none, is foreign, whatever secret they share', () => {
  const link = linksAt('https://example.com/account').create('reset', 'an-id', 1_790_000_000, state)
  expect(linksAt('https://example.com/account/').verifyAuthenticity('reset', link)).not.toBeNull()
  for (const other of [
    'https://example.com/other',
    'https://example.com/account/other',
    'https://example.com',
  ])
    expect(linksAt(other).verifyAuthenticity('reset', link)).toBeNull()
})

test('V9: on a host of its own, links are made for the origin, as they always were', () => {
  const links = createLinks({
    secrets: [secret],
    audience: 'https://id.example.com',
    period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
    oneTimeUse: true,
  })
  const link = links.create('reset', 'an-id', 1_790_000_000, state)
  expect(linksAt('https://id.example.com').verifyAuthenticity('reset', link)).not.toBeNull()
})
