import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { basePathOf } from '@/scripts/base-path.js'
import { readSettings, SettingsError } from './settings'
import { settingsWarnings } from './warnings'

const required = {
  SECRET_KEY: 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5',
  DATABASE_URL: 'postgresql://rekey:Zr8k-2Lq@db.example.com/rekey',
  PUBLIC_URL: 'https://id.example.com',
  SMTP_URL: 'smtp://user:pass@mail.example.com:587',
  VERIFICATION_FROM_EMAIL: 'Example <no-reply@example.com>',
}

function problemsOf(env: Record<string, string | undefined>): string[] {
  try {
    readSettings(env)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

test('the required settings are enough for a start', () => {
  expect(problemsOf(required)).toEqual([])
})

test('only demo and dev use another product’s tables, with a data directory for each product [K1]', () => {
  const read = (env: Record<string, string>) => {
    const { demoProduct, dataDir } = readSettings({ ...required, ...env })
    return [demoProduct, dataDir]
  }
  for (const mode of ['demo', 'dev']) {
    expect(read({ REKEY_MODE: mode, REKEY_DEMO_USERS: 'django' })).toEqual(['django', '.data/django'])
    expect(read({ REKEY_MODE: mode })).toEqual([undefined, '.data'])
  }
  expect(read({ REKEY_DEMO_USERS: 'django' })[0]).toBeUndefined()
})

test('one message names all required settings that are missing [K1]', () => {
  const problems = problemsOf({})
  for (const name of Object.keys(required))
    expect(problems.filter((line) => line.startsWith(name))).toHaveLength(1)
  expect(problems).toHaveLength(Object.keys(required).length)
})

test('the same message names a time that is longer than the life of a link [K1, R3]', () => {
  const problems = problemsOf({ ...required, SECRET_KEY: undefined, LIMIT_EMAILS_PER_ACCOUNT: '5/1d' })
  expect(problems.map((problem) => problem.split(/\W/)[0])).toEqual([
    'SECRET_KEY',
    'LIMIT_EMAILS_PER_ACCOUNT',
  ])
})

test.each([
  'https://app.example.com/#/reset-password/',
  'https://app.example.com/#!/reset',
  'https://app.example.com/app/?tenant=a#/reset/%C3%A9t%C3%A9',
  'http://localhost:5173/#/',
])('links may lead to a route of a hash router, such as %s [V4]', (pageUrl) => {
  expect(readSettings({ ...required, RESET_PASSWORD_VERIFICATION_URL: pageUrl }).reset.pageUrl).toBe(pageUrl)
})

describe('values that stop a start [K1, T3, P1, H11]', () => {
  test.each<[string, Record<string, string>]>([
    ['SECRET_KEY', { SECRET_KEY: 'short' }],
    ['SECRET_KEY', { SECRET_KEY: `${required.SECRET_KEY},${required.SECRET_KEY}` }],
    ['SECRET_KEY', { SECRET_KEY: `${required.SECRET_KEY} ` }],
    ['SECRET_KEY', { SECRET_KEY: required.SECRET_KEY.slice(0, 31) }],
    ['SECRET_KEY', { SECRET_KEY: 'a'.repeat(64) }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: 'short' }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: 'a'.repeat(64) }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: 'w7Jm2QpX9vRkT4cYbN8s zHdG3fUaEoWi5' }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: required.SECRET_KEY }],
    ['METRICS_TOKEN', { METRICS_TOKEN: 'short' }],
    ['METRICS_TOKEN', { METRICS_TOKEN: 'a'.repeat(64) }],
    ['METRICS_TOKEN', { METRICS_TOKEN: 'w7Jm2QpX9vRkT4cYbN8s zHdG3fUaEoWi5' }],
    ['METRICS_TOKEN', { METRICS_TOKEN: required.SECRET_KEY }],
    ['SECRET_KEY', { SECRET_KEY: 'please-change-me-9f8e7d6c5b4a3z2y1x' }],
    ['SECRET_KEY_FALLBACKS', { SECRET_KEY_FALLBACKS: required.SECRET_KEY }],
    ['SECRET_KEY_FALLBACKS', { SECRET_KEY_FALLBACKS: 'weak' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://x@y/z' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgresql://postgres:postgres@db.example.com/rekey' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgresql://db.example.com/rekey?user=a&password=postgres' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgresql://App%40x:app%40x@db.example.com/rekey' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgresql://a%zz:a%zz@db.example.com/rekey' }],
    [
      'MIGRATION_DATABASE_URL',
      { MIGRATION_DATABASE_URL: 'postgresql://owner:changeme@db.example.com/rekey' },
    ],
    ['PUBLIC_URL', { PUBLIC_URL: 'id.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://id.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://127.evil.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://127.0.0.1.evil.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://localhost.evil.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://0.0.0.0:3000' }],
    [
      'SECRET_KEY_FALLBACKS',
      { SECRET_KEY_FALLBACKS: `hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae, ${required.SECRET_KEY}` },
    ],
    ['DATABASE_URL', { DATABASE_URL: 'db.example.com' }],
    ['SMTP_URL', { SMTP_URL: 'mail.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/account?x=1' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/account#x' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com//account' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/account//' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/account/../x' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/.' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/%61ccount' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com\\account' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/my account' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/konto-ä' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/_next' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://id.example.com/.well-known' }],
    ['HSTS', { HSTS: 'on' }],
    ['CORS_ALLOWED_ORIGINS', { CORS_ALLOWED_ORIGINS: 'https://app.example.com/account' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://user@id.example.com' }],
    ['RESET_PASSWORD_VERIFICATION_URL', { RESET_PASSWORD_VERIFICATION_URL: 'http://app.example.com/reset' }],
    ['RESET_PASSWORD_VERIFICATION_URL', { RESET_PASSWORD_VERIFICATION_URL: 'javascript:alert(1)' }],
    ...[
      'http://app.example.com/#/reset/',
      'https://user@app.example.com/#/reset/',
      'https://app.example.com/#',
      'https://app.example.com/#reset',
      'https://app.example.com/#!reset',
      'https://app.example.com/#/reset/?from=mail',
      'https://app.example.com/#/reset/&from=mail',
      'https://app.example.com/#/reset/;from=mail',
      'https://app.example.com/#/reset/#top',
      'https://app.example.com/#/re set/',
      'https://app.example.com/#/reset/%zz',
      'https://app.example.com/#/reset/>',
    ].map((url): [string, Record<string, string>] => [
      'RESET_PASSWORD_VERIFICATION_URL',
      { RESET_PASSWORD_VERIFICATION_URL: url },
    ]),
    ['SIGN_IN_URL', { SIGN_IN_URL: 'https://app.example.com/#/sign-in/' }],
    ['RESET_PASSWORD_VERIFICATION_PERIOD', { RESET_PASSWORD_VERIFICATION_PERIOD: '25h' }],
    ['RESET_PASSWORD_VERIFICATION_PERIOD', { RESET_PASSWORD_VERIFICATION_PERIOD: '60' }],
    ['RESET_PASSWORD_VERIFICATION_ENABLED', { RESET_PASSWORD_VERIFICATION_ENABLED: 'yes' }],
    ['PASSWORD_MIN_LENGTH', { PASSWORD_MIN_LENGTH: '7' }],
    ['USER_LOGIN_FIELDS', { USER_LOGIN_FIELDS: 'username,phone' }],
    ['CORS_ALLOWED_ORIGINS', { CORS_ALLOWED_ORIGINS: '*' }],
    ['CORS_ALLOWED_ORIGINS', { CORS_ALLOWED_ORIGINS: 'https://*.example.com/x' }],
    ['SMTP_URL', { SMTP_URL: 'http://mail.example.com' }],
    ['SMTP_URL', { SMTP_URL: 'smtp://mail.example.com?debug=true' }],
    ['VERIFICATION_FROM_EMAIL', { VERIFICATION_FROM_EMAIL: 'a@example.com, b@example.com' }],
    ['VERIFICATION_FROM_EMAIL', { VERIFICATION_FROM_EMAIL: 'a@example.com\r\nBcc: b@example.com' }],
    ['APP_NAME', { APP_NAME: 'two\nlines' }],
    ['BRAND_COLOR', { BRAND_COLOR: 'red;}body{display:none' }],
    ['LOGO_URL', { LOGO_URL: '//evil.example/logo.svg' }],
    ['SIGN_IN_URL', { SIGN_IN_URL: 'javascript:alert(1)' }],
    ['DEFAULT_LOCALE', { DEFAULT_LOCALE: 'xx' }],
    ['LIMIT_REQUESTS_PER_CLIENT', { LIMIT_REQUESTS_PER_CLIENT: '0/10m' }],
    ['LIMIT_EMAILS_PER_ACCOUNT', { LIMIT_EMAILS_PER_ACCOUNT: '5' }],
    ['LIMIT_EMAILS_PER_ACCOUNT', { LIMIT_EMAILS_PER_ACCOUNT: '101/1h' }],
    ['LIMIT_EMAILS_PER_ACCOUNT', { LIMIT_EMAILS_PER_ACCOUNT: '5/3651d' }],
    ['EMAIL_COOLDOWN', { EMAIL_COOLDOWN: '9999999d' }],
    ['EMAIL_COOLDOWN', { EMAIL_COOLDOWN: '0' }],
    ['EMAIL_COOLDOWN', { EMAIL_COOLDOWN: '10m', RESET_PASSWORD_VERIFICATION_PERIOD: '10m' }],
    ['EMAIL_COOLDOWN', { RESET_PASSWORD_VERIFICATION_PERIOD: '60s' }],
    ['LIMIT_EMAILS_PER_ACCOUNT', { LIMIT_EMAILS_PER_ACCOUNT: '5/61m' }],
    ['LIMIT_EMAILS_PER_MAILBOX', { LIMIT_EMAILS_PER_MAILBOX: '20/61m' }],
    [
      'LIMIT_EMAILS_PER_ACCOUNT',
      { LIMIT_EMAILS_PER_ACCOUNT: '5/1h', RESET_PASSWORD_VERIFICATION_PERIOD: '10m' },
    ],
    ['AUDIT_RETENTION', { AUDIT_RETENTION: '1d' }],
    ['AUDIT_RETENTION', { AUDIT_RETENTION: '9999999d' }],
    ['TRUSTED_PROXY_HOPS', { TRUSTED_PROXY_HOPS: '-1' }],
    ['PORT', { PORT: '70000' }],
  ])('a start is refused, and the message names %s, with %j', (name, change) => {
    const problems = problemsOf({ ...required, ...change })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^${name}\\b`))
  })

  test('each message about a wrong value says what to write instead', () => {
    const problems = problemsOf({
      ...required,
      EMAIL_COOLDOWN: 'a minute',
      USER_LOGIN_FIELDS: ',',
      CORS_ALLOWED_ORIGINS: '*',
      LIMIT_EMAILS: '5',
    })
    expect(problems).toHaveLength(4)
    for (const problem of problems) expect(problem).toMatch(/^[A-Z_]+: write /)
  })

  test('no message about a wrong value contains a secret', () => {
    const secret = 'Tr0ub4dor-and-3-9f8e7d6c5b-example'
    expect(
      problemsOf({ ...required, SECRET_KEY: secret, SMTP_URL: `ftp://u:${secret}@x` }).join(),
    ).not.toContain(secret)
  })
})

test.each([
  'http://localhost:3000',
  'http://127.0.0.1',
  'http://127.1',
  'http://[::1]:3000',
  'http://id.localhost',
])('PUBLIC_URL=%s is of this machine, and may be without https [H11]', (url) => {
  expect(problemsOf({ ...required, PUBLIC_URL: url })).toEqual([])
})

test.each([
  ['https://example.com/account', '/account'],
  ['https://example.com/account/', '/account'],
  ['https://example.com/team/v1.2~account-x', '/team/v1.2~account-x'],
  ['https://example.com/', ''],
  ['HTTPS://Example.com', ''],
])('PUBLIC_URL=%s puts Rekey under the path "%s", for the start and for the build [V8]', (url, basePath) => {
  const settings = readSettings({ ...required, PUBLIC_URL: url, LOGO_URL: '/logo.svg' })
  expect(settings).toMatchObject({
    publicOrigin: 'https://example.com',
    basePath,
    publicUrl: `https://example.com${basePath}`,
    reset: { pageUrl: `https://example.com${basePath}/reset-password/` },
    branding: { logoUrl: `${basePath}/logo.svg` },
  })
  expect(basePathOf(url)).toBe(basePath)
})

test('a build without PUBLIC_URL, or with a wrong one, is for no path [V8]', () => {
  for (const url of [undefined, '', 'example.com']) expect(basePathOf(url)).toBe('')
})

test('HSTS is on for a host of Rekey’s own, off under a path, and otherwise as the setting HSTS says [V9]', () => {
  const hstsOf = (env: Record<string, string>) => readSettings({ ...required, ...env }).hsts
  const path = { PUBLIC_URL: 'https://example.com/account' }
  expect([hstsOf({}), hstsOf(path)]).toEqual(['host', 'off'])
  expect([hstsOf({ HSTS: 'subdomains' }), hstsOf({ ...path, HSTS: 'host' })]).toEqual(['subdomains', 'host'])
})

test('an empty value counts as absent', () => {
  const { password } = readSettings({ ...required, PASSWORD_MIN_LENGTH: '', DEFAULT_LOCALE: ' ' })
  expect(password.minLength).toBe(15)
})

test('the default settings are safe [T3, T4, P1, R1, R3, P8]', () => {
  const { reset, password, limits, emailSlots, breachCheckUrl } = readSettings(required)
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
    const { emailSlots, limits } = readSettings({ ...required, RESET_PASSWORD_VERIFICATION_PERIOD: period })
    expect(emailSlots.perAccount).toEqual({ count: 5, seconds })
    expect(limits.emailsPerMailbox).toEqual({ count: 20, seconds })
  },
)

test('a demo needs neither SMTP_URL nor PUBLIC_URL, and listens on this machine only', () => {
  const { SECRET_KEY, DATABASE_URL } = required
  const settings = readSettings({ SECRET_KEY, DATABASE_URL, REKEY_MODE: 'demo', PORT: '4000' })
  expect(settings).toMatchObject({
    publicOrigin: 'http://localhost:4000',
    host: '127.0.0.1',
    mail: { smtpUrl: undefined },
  })
})

test('clients of the database share one session only if REKEY_SHARED_SESSION says so', () => {
  expect(readSettings(required).database.sharedSession).toBe(false)
  const { database, ignored } = readSettings({ ...required, REKEY_SHARED_SESSION: 'yes' })
  expect([database.sharedSession, ignored]).toEqual([true, readSettings(required).ignored])
})

test('a warning names each setting that is allowed but unwise [R3, S3]', () => {
  const unwise = {
    RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
    RESET_PASSWORD_VERIFICATION_ONE_TIME_USE: 'false',
    LIMIT_ATTEMPTS_PER_LINK: '101/1h',
    TRUSTED_PROXY_HOPS: '1',
  }
  const warningsOf = (env: Record<string, string>) => settingsWarnings(readSettings({ ...required, ...env }))
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
    const env = { ...Object.fromEntries(named.filter(([, value]) => value !== '')), ...required }
    expect(readSettings(env)).toEqual(readSettings(required))
  })
})
