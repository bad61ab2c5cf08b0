import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { requiredSettings } from '@/e2e/support/required-settings'
import { basePathOf } from '@/scripts/base-path.js'
import { readSettings } from './settings'
import { settingsWarnings } from './warnings'

test('only demo and dev use another product’s tables, with a data directory for each product [K1]', () => {
  const read = (env: Record<string, string>) => {
    const { demoProduct, dataDir } = readSettings({ ...requiredSettings, ...env })
    return [demoProduct, dataDir]
  }
  for (const mode of ['demo', 'dev']) {
    expect(read({ REKEY_MODE: mode, REKEY_DEMO_USERS: 'django' })).toEqual(['django', '.data/django'])
    expect(read({ REKEY_MODE: mode })).toEqual([undefined, '.data'])
  }
  expect(read({ REKEY_DEMO_USERS: 'django' })[0]).toBeUndefined()
})

test.each([
  'https://app.example.com/#/reset-password/',
  'https://app.example.com/#!/reset',
  'https://app.example.com/app/?tenant=a#/reset/%C3%A9t%C3%A9',
  'http://localhost:5173/#/',
])('links may lead to a route of a hash router, such as %s [V4]', (pageUrl) => {
  expect(readSettings({ ...requiredSettings, RESET_PASSWORD_VERIFICATION_URL: pageUrl }).reset.pageUrl).toBe(
    pageUrl,
  )
})

test.each([
  ['https://example.com/account', '/account'],
  ['https://example.com/account/', '/account'],
  ['https://example.com/team/v1.2~account-x', '/team/v1.2~account-x'],
  ['https://example.com/', ''],
  ['HTTPS://Example.com', ''],
])('PUBLIC_URL=%s puts Rekey under the path "%s", for the start and for the build [V8]', (url, basePath) => {
  const settings = readSettings({ ...requiredSettings, PUBLIC_URL: url, LOGO_URL: '/logo.svg' })
  expect(settings).toMatchObject({
    publicOrigin: 'https://example.com',
    basePath,
    publicUrl: `https://example.com${basePath}`,
    reset: { pageUrl: `https://example.com${basePath}/reset-password/` },
    branding: { logoUrl: `${basePath}/logo.svg` },
  })
  expect(basePathOf(url)).toBe(basePath)
})

test('an address in SECURITY_CONTACT becomes a URI of only that address', () => {
  const env = { ...requiredSettings, SECURITY_CONTACT: 'a?b#c@example.com' }
  expect(readSettings(env).securityContact).toBe('mailto:a%3Fb%23c@example.com')
})

test('a build without PUBLIC_URL, or with a wrong one, is for no path [V8]', () => {
  for (const url of [undefined, '', 'example.com']) expect(basePathOf(url)).toBe('')
})

test('HSTS is on for a host of Rekey’s own, off under a path, and otherwise as the setting HSTS says [V9]', () => {
  const hstsOf = (env: Record<string, string>) => readSettings({ ...requiredSettings, ...env }).hsts
  const path = { PUBLIC_URL: 'https://example.com/account' }
  expect([hstsOf({}), hstsOf(path)]).toEqual(['host', 'off'])
  expect([hstsOf({ HSTS: 'subdomains' }), hstsOf({ ...path, HSTS: 'host' })]).toEqual(['subdomains', 'host'])
})

test('an empty value counts as absent', () => {
  const { password } = readSettings({ ...requiredSettings, PASSWORD_MIN_LENGTH: '', DEFAULT_LOCALE: ' ' })
  expect(password.minLength).toBe(15)
})

test('the default settings are safe [T3, T4, P1, R1, R3, P8]', () => {
  const { reset, password, limits, emailSlots, breachCheckUrl } = readSettings(requiredSettings)
  expect(reset).toMatchObject({ period: 3600, oneTimeUse: true, failWhenUserNotFound: false })
  expect(password.minLength).toBe(15)
  expect(breachCheckUrl).toBeUndefined()
  const counts = [...Object.values(limits), emailSlots.perAccount]
  for (const { count, seconds } of counts) expect([count > 0, seconds >= 600]).toEqual([true, true])
  // NIST SP 800-63B-4 §3.2.2: a hundred failures in a row are the most.
  for (const { count } of [limits.resetsPerClient, limits.attemptsPerLink])
    expect(count).toBeLessThanOrEqual(100)
  expect(emailSlots.cooldown).toBeGreaterThanOrEqual(60)
  expect(emailSlots.perAccount.count).toBeLessThanOrEqual(5)
})

test.each([
  ['10m', 600],
  ['24h', 3600],
])(
  'if links live %s, the emails of accounts and mailboxes are limited for %i seconds, an hour at most [R3]',
  (period, seconds) => {
    const { emailSlots, limits } = readSettings({
      ...requiredSettings,
      RESET_PASSWORD_VERIFICATION_PERIOD: period,
    })
    expect(emailSlots.perAccount).toEqual({ count: 5, seconds })
    expect(limits.emailsPerMailbox).toEqual({ count: 20, seconds })
  },
)

test('a demo needs neither SMTP_URL nor PUBLIC_URL, and listens on this machine only', () => {
  const { SECRET_KEY, DATABASE_URL } = requiredSettings
  const settings = readSettings({ SECRET_KEY, DATABASE_URL, REKEY_MODE: 'demo', PORT: '4000' })
  expect(settings).toMatchObject({
    publicOrigin: 'http://localhost:4000',
    host: '127.0.0.1',
    mail: { smtpUrl: undefined },
  })
})

test('clients of the database share one session only if REKEY_SHARED_SESSION says so', () => {
  expect(readSettings(requiredSettings).database.sharedSession).toBe(false)
  const { database, ignored } = readSettings({ ...requiredSettings, REKEY_SHARED_SESSION: 'yes' })
  expect([database.sharedSession, ignored]).toEqual([true, readSettings(requiredSettings).ignored])
})

test('a warning names each setting that is allowed but unwise [R3, S3]', () => {
  const unwise = {
    RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
    RESET_PASSWORD_VERIFICATION_ONE_TIME_USE: 'false',
    LIMIT_ATTEMPTS_PER_LINK: '101/1h',
    TRUSTED_PROXY_HOPS: '1',
  }
  const warningsOf = (env: Record<string, string>) =>
    settingsWarnings(readSettings({ ...requiredSettings, ...env }))
  const warnings = warningsOf(unwise)
  for (const name of [...Object.keys(unwise), 'SUPPORT_EMAIL'])
    expect(warnings.filter((warning) => warning.includes(name))).toHaveLength(1)
  expect(warnings).toHaveLength(5)
  expect(warningsOf({ LIMIT_RESETS_PER_CLIENT: '101/1h', SUPPORT_EMAIL: 'help@example.com' })).toHaveLength(1)
  expect(warningsOf({ SUPPORT_EMAIL: 'help@example.com' })).toEqual([])
  const behindProxy = { SUPPORT_EMAIL: 'help@example.com', TRUSTED_PROXY_HOPS: '1' }
  expect(warningsOf({ ...behindProxy, HOST: '127.0.0.1' })).toEqual([])
  for (const HOST of ['0.0.0.0', '::']) expect(warningsOf({ ...behindProxy, HOST })).toHaveLength(1)
  expect(warningsOf({ REKEY_MODE: 'demo' })).toEqual([])
})

describe('.env.example', () => {
  const example = readFileSync('.env.example', 'utf8')
  const named = [...example.matchAll(/^#? ?([A-Z][A-Z_]+)=(.*)$/gm)].map(
    ([, name, value]) => [name!, value!] as const,
  )
  const source = readFileSync('lib/config/schema.ts', 'utf8')
  const known = [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name]) => name!)

  test('.env.example names every setting and nothing else', () => {
    expect(named.map(([name]) => name).sort()).toEqual([...new Set(known)].sort())
  })

  test('.env.example without its comment signs sets the defaults', () => {
    const env = { ...Object.fromEntries(named.filter(([, value]) => value !== '')), ...requiredSettings }
    expect(readSettings(env)).toEqual(readSettings(requiredSettings))
  })
})
