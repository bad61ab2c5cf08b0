import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { requiredSettings } from '@/e2e/support/required-settings'
import { readSettings, SettingsError } from './settings'
import { settingsSchema } from './schema'
import { settingsWarnings } from './warnings'

function messagesOf(env: Record<string, string>): { problems: string[]; warnings: string[] } {
  try {
    return { problems: [], warnings: settingsWarnings(readSettings({ ...requiredSettings, ...env })) }
  } catch (error) {
    if (error instanceof SettingsError) return { problems: error.problems, warnings: [] }
    throw error
  }
}

const valid: Record<string, string> = {
  ...requiredSettings,
  SECRET_KEY_FALLBACKS: 'hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae',
  DATABASE_POOL_SIZE: '10',
  MIGRATION_DATABASE_URL: 'postgresql://owner:Zr8k-2Lq@db.example.com/rekey',
  PASSWORD_BREACH_CHECK_URL: 'https://range.example.com/range/',
  APP_NAME: 'Example',
  DATA_DIR: 'data',
  HOST: '127.0.0.1',
}

describe('values that quotes or templates have changed [V5]', () => {
  const forms: [string, (value: string) => string][] = [
    ['in double quotes, as docker --env-file leaves them', (value) => `"${value}"`],
    ['in single quotes', (value) => `'${value}'`],
    ['with white space before it', (value) => ` ${value}`],
    ['with a line end after it, as a file of a secret has', (value) => `${value}\n`],
    ['with a control character in it', (value) => `${value}\u001b[2J`],
    ['that is a command which was not run', () => '$(openssl rand -base64 48)'],
    ['with a variable that was not replaced', (value) => `${value}\${REKEY_SUFFIX}`],
    ['that is a variable with its default', () => '${DATABASE_URL:-postgresql://u@h/db}'],
    ['that is a template which was not filled', () => '{{ vault_secret_key }}'],
  ]

  test.each(forms)('every setting refuses a value %s, and the message names the setting', (_what, change) => {
    for (const name of Object.keys(settingsSchema.shape)) {
      const value = change(valid[name] ?? 'value')
      const { problems } = messagesOf({ [name]: value })
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name}: write `))])
      expect(problems.join()).not.toContain(value)
    }
  })

  test.each(["a,'hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae'", 'hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae,"b"'])(
    'a setting with a list refuses a quoted item: %s',
    (value) => {
      for (const name of ['SECRET_KEY_FALLBACKS', 'CORS_ALLOWED_ORIGINS', 'USER_LOGIN_FIELDS'])
        expect(messagesOf({ [name]: value }).problems).toEqual([
          expect.stringContaining(`${name}: write its items`),
        ])
    },
  )

  test('a secret that was copied with typographic quotation marks is refused', () => {
    expect(messagesOf({ SECRET_KEY: `“${requiredSettings.SECRET_KEY}”` }).problems).toEqual([
      'SECRET_KEY: write it without quotes',
    ])
  })

  test('a dollar sign, a quotation mark or a brace inside a value is a part of the value', () => {
    for (const value of ['Money $PATH', 'The "Best"', '$5 (five)', "L'Été", '{x}', '«Заря»'])
      expect(readSettings({ ...requiredSettings, APP_NAME: value }).branding.appName).toBe(value)
    for (const value of ['kT9$PATH_vLm4Wq2$HOME_Zx7Rb5Ns8Jc3Fg6', "'kT9vLm4Wq2Zx7Rb5Ns8Jc3Fg6YhDpE4"])
      expect(readSettings({ ...requiredSettings, SECRET_KEY: value }).secrets[0]).toBe(value)
  })
})

describe('messages about malformed URLs [V5]', () => {
  test.each([
    ['DATABASE_URL', 'db.example.com', 'postgresql://'],
    ['MIGRATION_DATABASE_URL', 'db.example.com', 'postgresql://'],
    ['SMTP_URL', 'mail.example.com', 'smtp://'],
    ['SMTP_URL', 'smtp://mail.example.com:port', 'smtp://'],
    ['SMTP_URL', 'smtps://mail.example.com?ignoreTLS=true', 'smtp://'],
    ['SMTP_URL', 'smtp://user:pa/ss@mail.example.com', '%2F'],
    ['SMTP_URL', 'smtp://user:12#ss@mail.example.com', '%23'],
    ['SMTP_URL', 'smtp://a.example.com,b.example.com', 'write one host'],
    ['PUBLIC_URL', 'id.example.com', 'https://id.example.com'],
    ['PASSWORD_BREACH_CHECK_URL', 'https://range.example.com/range?mode=x', 'https://range.example.com/'],
  ])(
    'the message about %s=%s names no other setting and has an example with "%s"',
    (name, value, example) => {
      expect(messagesOf({ [name]: value }).problems).toEqual([
        expect.stringMatching(new RegExp(`^${name}: .*${example}`)),
      ])
    },
  )

  test('in a demo, the message about PORT=http does not name PUBLIC_URL, which is made from it', () => {
    expect(messagesOf({ REKEY_MODE: 'demo', PORT: 'http', PUBLIC_URL: '' }).problems).toEqual([
      expect.stringMatching(/^PORT: /),
    ])
  })
})

test('no message and no warning contains a part of a secret, whatever its value [V5, L3]', () => {
  const odd = fc.stringMatching(/^[@/#?:%&+=,;'"`$ \n\t(){}\\.\d]{0,5}$/)
  const urls = (scheme: string, end: string) => (secret: string) => [
    `${scheme}://user:${secret}@host.example.com${end}`,
    `${scheme}://${secret}@host.example.com${end}`,
    `${scheme}://${secret}:pass@host.example.com${end}`,
    `${scheme}://user@host.example.com${end}?password=${secret}`,
    `${scheme}://user@host.example.com${end}?${secret}=x`,
    `${secret}`,
  ]
  const secrets: Record<string, (secret: string) => string[]> = {
    SECRET_KEY: (secret) => [secret, `${requiredSettings.SECRET_KEY}${secret}`, `"${secret}"`],
    SECRET_KEY_FALLBACKS: (secret) => [secret, `${requiredSettings.SECRET_KEY}${secret}`, `x,${secret}`],
    DATABASE_URL: urls('postgresql', '/rekey'),
    MIGRATION_DATABASE_URL: urls('postgres', '/rekey'),
    SMTP_URL: urls('smtp', ''),
    PASSWORD_BREACH_CHECK_URL: urls('https', '/range/'),
  }
  const cases = Object.entries(secrets).flatMap(([name, make]) =>
    make('').map((_, at) => (secret: string) => ({ [name]: make(secret)[at]! })),
  )
  fc.assert(
    fc.property(odd, odd, odd, fc.constantFrom(...cases), (before, within, after, envOf) => {
      const { problems, warnings } = messagesOf(envOf(`${before}zqa${within}zqb${after}`))
      expect([...problems, ...warnings].join('\n')).not.toMatch(/zq[ab]/i)
    }),
    { numRuns: 1000 },
  )
})
