import { describe, expect, test } from 'vitest'
import { requiredSettings } from '@/e2e/support/required-settings'
import { readSettings, SettingsError } from './settings'

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
  expect(problemsOf(requiredSettings)).toEqual([])
})

test('one message names all required settings that are missing [K1]', () => {
  const problems = problemsOf({})
  for (const name of Object.keys(requiredSettings))
    expect(problems.filter((line) => line.startsWith(name))).toHaveLength(1)
  expect(problems).toHaveLength(Object.keys(requiredSettings).length)
})

test('a message about missing settings also names a time that is longer than the life of a link [K1, R3]', () => {
  const problems = problemsOf({
    ...requiredSettings,
    SECRET_KEY: undefined,
    LIMIT_EMAILS_PER_ACCOUNT: '5/1d',
  })
  expect(problems.map((problem) => problem.split(/\W/)[0])).toEqual([
    'SECRET_KEY',
    'LIMIT_EMAILS_PER_ACCOUNT',
  ])
})

describe('values that stop a start [K1, T3, P1, H11]', () => {
  test.each<[string, Record<string, string>]>([
    ['SECRET_KEY', { SECRET_KEY: 'short' }],
    ['SECRET_KEY', { SECRET_KEY: `${requiredSettings.SECRET_KEY},${requiredSettings.SECRET_KEY}` }],
    ['SECRET_KEY', { SECRET_KEY: `${requiredSettings.SECRET_KEY} ` }],
    ['SECRET_KEY', { SECRET_KEY: requiredSettings.SECRET_KEY.slice(0, 31) }],
    ['SECRET_KEY', { SECRET_KEY: 'a'.repeat(64) }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: 'short' }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: 'a'.repeat(64) }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: 'w7Jm2QpX9vRkT4cYbN8s zHdG3fUaEoWi5' }],
    ['HEALTH_TOKEN', { HEALTH_TOKEN: requiredSettings.SECRET_KEY }],
    ['METRICS_TOKEN', { METRICS_TOKEN: 'short' }],
    ['METRICS_TOKEN', { METRICS_TOKEN: 'a'.repeat(64) }],
    ['METRICS_TOKEN', { METRICS_TOKEN: 'w7Jm2QpX9vRkT4cYbN8s zHdG3fUaEoWi5' }],
    ['METRICS_TOKEN', { METRICS_TOKEN: requiredSettings.SECRET_KEY }],
    ['SECRET_KEY', { SECRET_KEY: 'please-change-me-9f8e7d6c5b4a3z2y1x' }],
    ['SECRET_KEY_FALLBACKS', { SECRET_KEY_FALLBACKS: requiredSettings.SECRET_KEY }],
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
    ['DATABASE_SCHEMA', { DATABASE_SCHEMA: 's'.repeat(35) }],
    ['PASSWORD_BREACH_CHECK_URL', { PASSWORD_BREACH_CHECK_URL: 'https://h.example/range?' }],
    ['SIGN_IN_URL', { SIGN_IN_URL: 'https://app.example.com/sign-in#' }],
    ['CORS_ALLOWED_ORIGINS', { CORS_ALLOWED_ORIGINS: 'https://app.example.com?' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'id.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://id.example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://127.evil.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://127.0.0.1.evil.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://localhost.evil.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://0.0.0.0:3000' }],
    [
      'SECRET_KEY_FALLBACKS',
      { SECRET_KEY_FALLBACKS: `hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae, ${requiredSettings.SECRET_KEY}` },
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
    const problems = problemsOf({ ...requiredSettings, ...change })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^${name}\\b`))
  })

  test('each message about a wrong value says what to write instead', () => {
    const problems = problemsOf({
      ...requiredSettings,
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
      problemsOf({ ...requiredSettings, SECRET_KEY: secret, SMTP_URL: `ftp://u:${secret}@x` }).join(),
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
  expect(problemsOf({ ...requiredSettings, PUBLIC_URL: url })).toEqual([])
})
