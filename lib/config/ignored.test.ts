import { describe, expect, test } from 'vitest'
import { requiredSettings } from '@/e2e/support/required-settings'
import { readDatabaseSettings } from './command-settings'
import { readSettings } from './settings'
import { settingsWarnings } from './warnings'

const required = { ...requiredSettings, SUPPORT_EMAIL: 'help@example.com' }
const warningsOf = (env: Record<string, string>) => settingsWarnings(readSettings({ ...required, ...env }))

describe('variables that are not settings [V5]', () => {
  test.each([
    ['PASSWORD_MINLENGTH', 'PASSWORD_MIN_LENGTH'],
    ['PASWORD_MIN_LENGTH', 'PASSWORD_MIN_LENGTH'],
    ['password_min_length', 'PASSWORD_MIN_LENGTH'],
    ['CORS_ORIGINS', 'CORS_ALLOWED_ORIGINS'],
    ['CORS_ALLOW_ALL_ORIGINS', 'CORS_ALLOWED_ORIGINS'],
    ['RESET_PASSWORD_VERIFICATION_PERIODS', 'RESET_PASSWORD_VERIFICATION_PERIOD'],
    ['SMTP_HOST', 'SMTP_URL'],
    ['SMTP_PASSWORD', 'SMTP_URL'],
    ['SECRET_KEY_FALLBACK', 'SECRET_KEY_FALLBACKS'],
    ['SECRET_KEY_BASE', 'SECRET_KEY'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABASE_POOL', 'DATABASE_POOL_SIZE'],
    ['TRUST_PROXY_HOPS', 'TRUSTED_PROXY_HOPS'],
    ['LIMIT_LETTER_PER_ACCOUNT', 'LIMIT_EMAILS_PER_ACCOUNT'],
    ['PUBLIC-URL', 'PUBLIC_URL'],
    ['WEB_CONCURENCY', 'WEB_CONCURRENCY'],
  ])('a warning says that %s is not used and suggests %s, without the value', (name, setting) => {
    const warnings = warningsOf({ [name]: 'zqcanary' })
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^${name} is not used: .*\\b${setting}[.?]$`)),
    ])
  })

  test.each([
    ['RESET_PASSWORD_VERIFICATION_EMAIL_TEMPLATES', 'emails into rekey.config.ts'],
    ['VERIFICATION_URL_BUILDER', 'buildVerificationUrl into rekey.config.ts'],
    ['SEND_RESET_PASSWORD_LINK_USER_FINDER', 'findResettableAccounts into rekey.config.ts'],
    ['REGISTER_VERIFICATION_ENABLED', 'resets passwords and does nothing else'],
  ])('a warning about %s of Django REST Registration says "%s"', (name, where) => {
    expect(warningsOf({ [name]: 'x' })).toEqual([expect.stringMatching(where)])
  })

  test('no warning names variables of other programs', () => {
    const others = [
      'PATH HOME SHELL USER LOGNAME PWD LANG LC_ALL TERM TZ HOSTNAME EDITOR MAIL SHLVL _ OLDPWD TMPDIR LS_COLORS',
      'NODE_ENV NODE_OPTIONS NODE_EXTRA_CA_CERTS NEXT_TELEMETRY_DISABLED npm_config_cache npm_package_name INIT_CWD',
      'PGHOST PGPASSWORD PGSSLMODE PGDATA DATABASE_CA DATABASE_HOST DATABASE_USER DATABASE_NAME REDIS_URL MYSQL_URL',
      'http_proxy HTTPS_PROXY no_proxy CI GITHUB_TOKEN GITHUB_ACTIONS RUNNER_TEMP DYNO HEROKU_APP_NAME WEB_MEMORY',
      'KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP_ADDR REKEY_SERVICE_HOST REKEY_SERVICE_PORT_HTTP',
      'REKEY_PORT_3000_TCP SMTP_SERVICE_PORT SMTP_PORT_25_TCP_PROTO PASSWORD_STORE_DIR SSH_AUTH_SOCK XDG_DATA_DIRS',
      'APP_ENV APP_HOME APP_URL DATA_HOME USER_ID HOST_IP DEFAULT_USER SECRET_TOKEN INVOCATION_ID JOURNAL_STREAM',
      'LOG_FORMAT PORT_HTTP WORKER_ID DATABASE_REPLICA_URL CREDENTIALS_DIRECTORY RENDER_EXTERNAL_URL FLY_APP_NAME',
    ].flatMap((line) => line.split(' '))
    expect(warningsOf(Object.fromEntries(others.map((name) => [name, 'x'])))).toEqual([])
    expect(warningsOf({ SMTP_PORT: 'tcp://10.0.0.1:25', REKEY_PORT: 'tcp://10.0.0.2:3000' })).toEqual([])
  })
})

describe('settings without effect [V5]', () => {
  test.each<[string, Record<string, string>]>([
    [
      'USER_LOGIN_FIELDS',
      { SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true', USER_LOGIN_FIELDS: 'email' },
    ],
    ['MIGRATION_DATABASE_URL', { MIGRATION_DATABASE_URL: 'postgresql://owner:Zr8k@db.example.com/rekey' }],
    ['DATA_DIR', { DATA_DIR: '/data' }],
    ['LOGO_URL', { LOGO_URL: '/no-such-logo.svg' }],
    ['WEB_CONCURRENCY', { WEB_CONCURRENCY: '2', REKEY_MODE: 'demo' }],
    ['DATABASE_URL', { DATABASE_URL: `${required.DATABASE_URL}?pool_timeout=3` }],
  ])('a warning says that %s has no effect in %j', (name, env) => {
    expect(warningsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name}\\b`))])
  })

  test.each<Record<string, string>>([
    { SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true' },
    { USER_LOGIN_FIELDS: 'email' },
    { DATA_DIR: '/data', REKEY_MODE: 'demo' },
    { WEB_CONCURRENCY: '2' },
    { MIGRATION_DATABASE_URL: ' ' },
  ])('no warning is given for %j, which has an effect or is empty', (env) => {
    expect(warningsOf(env)).toEqual([])
  })
})

describe('the settings of commands on the database [V5]', () => {
  test('a command names the database URL that is wrong and no other one', () => {
    const problems = (env: Record<string, string>) => {
      try {
        return String(readDatabaseSettings(env).ignored)
      } catch (error) {
        return (error as Error).message.split('\n').slice(1).join('\n')
      }
    }
    const { DATABASE_URL } = required
    const example = 'write a PostgreSQL URL, such as postgresql://rekey:PASSWORD@db.example.com/rekey'
    expect(problems({ DATABASE_URL: 'db.example.com' })).toBe(`  - DATABASE_URL: ${example}`)
    expect(problems({ DATABASE_URL, MIGRATION_DATABASE_URL: 'db' })).toBe(
      `  - MIGRATION_DATABASE_URL: ${example}`,
    )
    expect(problems({ DATABASE_URL: ' ' })).toMatch(/^ {2}- DATABASE_URL is missing: [^\n]+$/)
    expect(problems({ DATABASE_URL: `"${DATABASE_URL}"` })).toMatch(
      /^ {2}- DATABASE_URL: [^\n]*quotes[^\n]*$/,
    )
  })

  test('a command says that MIGRATION_DATABASE_URI is not used, since it would run with the wrong role', () => {
    const { DATABASE_URL } = required
    expect(readDatabaseSettings({ DATABASE_URL, MIGRATION_DATABASE_URI: 'x' }).ignored).toEqual([
      'MIGRATION_DATABASE_URI is not used: did you mean MIGRATION_DATABASE_URL?',
    ])
  })
})
