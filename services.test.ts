import { expect, test } from 'vitest'
import { django } from '@/lib/accounts/presets/django'
import type { UsersMapping } from '@/lib/accounts/users-table'
import { createLinkSigner } from '@/lib/password-reset/reset-link'
import { createServices } from './services'
import { readSettings } from '@/lib/config/settings'

const secret = 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5'
const state = { passwordHash: 'a hash', email: 'ada@example.com', isActive: true, linksEpoch: 0 }

/** The services connect to nothing before they are used. */
function servicesWith(env: Record<string, string> = {}, users?: UsersMapping) {
  const settings = readSettings({
    SECRET_KEY: secret,
    DATABASE_URL: 'postgresql://rekey@localhost/none',
    PUBLIC_URL: 'https://id.example.com',
    SMTP_URL: 'smtp://localhost',
    VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
    ...env,
  })
  return createServices(settings, users ? { users } : {})
}

const linksAt = (publicUrl: string) => servicesWith({ PUBLIC_URL: publicUrl }).links

test('a link of the same host under another path, or under none, is foreign, whatever secret they share [V9]', () => {
  const link = linksAt('https://example.com/account').create('reset', 'an-id', 1_790_000_000, state)
  expect(linksAt('https://example.com/account/').verifyAuthenticity('reset', link)).not.toBeNull()
  for (const other of [
    'https://example.com/other',
    'https://example.com/account/other',
    'https://example.com',
  ])
    expect(linksAt(other).verifyAuthenticity('reset', link)).toBeNull()
})

test('on a host of its own, links are made for the origin, as they always were [V9]', () => {
  const links = createLinkSigner({
    secrets: [secret],
    audience: 'https://id.example.com',
    period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
    oneTimeUse: true,
  })
  const link = links.create('reset', 'an-id', 1_790_000_000, state)
  expect(linksAt('https://id.example.com').verifyAuthenticity('reset', link)).not.toBeNull()
})

test('a link of one users table is foreign where another one is mapped, whatever secret and ids they share [W7]', () => {
  const tables = [undefined, django({ version: '5.2' }), django({ version: '5.2', table: 'crm.auth_user' })]
  const links = tables.map((users) => servicesWith({}, users).links)
  for (const signer of links) {
    const link = signer.create('reset', '7', 1_790_000_000, state)
    expect(links.filter((other) => other.verifyAuthenticity('reset', link) !== null)).toEqual([signer])
  }
})

test('a demo on its own database does not look for a table of the team’s, which only a real database has', () => {
  const users = django({ version: '5.2' })
  const demo = { REKEY_MODE: 'demo', REKEY_SHARED_SESSION: 'yes' }
  expect(servicesWith(demo, users).accounts.identity).toBe('')
  expect(servicesWith({ ...demo, REKEY_DEMO_USERS: 'better-auth' }, users).accounts.identity).toBe(
    'public.user',
  )
  expect(servicesWith({ REKEY_MODE: 'demo' }, users).accounts.identity).toBe('public.auth_user')
  expect(servicesWith({}, users).accounts.identity).toBe('public.auth_user')
})
