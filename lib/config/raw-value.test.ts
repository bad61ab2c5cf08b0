import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readSettings, SettingsError } from './settings'
import { settingsSchema } from './schema'
import { settingsWarnings } from './warnings'

const needed = {
  SECRET_KEY: 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5',
  DATABASE_URL: 'postgresql://rekey:Zr8k-2Lq@db.example.com/rekey',
  PUBLIC_URL: 'https://id.example.com',
  SMTP_URL: 'smtp://user:pass@mail.example.com:587',
  VERIFICATION_FROM_EMAIL: 'Example <no-reply@example.com>',
}

/** Everything that a start with these settings says: what is wrong, or else the warnings. */
function toldOf(env: Record<string, string>): { problems: string[]; warnings: string[] } {
  try {
    return { problems: [], warnings: settingsWarnings(readSettings({ ...needed, ...env })) }
  } catch (error) {
    if (error instanceof SettingsError) return { problems: error.problems, warnings: [] }
    throw error
  }
}

/** A value of each setting that is right. */
const right: Record<string, string> = {
  ...needed,
  SECRET_KEY_FALLBACKS: 'hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae',
  DATABASE_POOL_SIZE: '10',
  MIGRATION_DATABASE_URL: 'postgresql://owner:Zr8k-2Lq@db.example.com/rekey',
  PASSWORD_BREACH_CHECK_URL: 'https://range.example.com/range/',
  APP_NAME: 'Example',
  DATA_DIR: 'data',
  HOST: '127.0.0.1',
}

describe('a value that arrives in another form than it was meant [V5]', () => {
  const forms: [string, (value: string) => string][] = [
    ['in double quotes, as docker --env-file leaves them', (value) => `"${value}"`],
    ['in single quotes', (value) => `'${value}'`],
    ['with white space before it', (value) => ` ${value}`],
    ['with a line end after it, as a file of a secret has', (value) => `${value}\n`],
    ['with a control character in it', (value) => `${value}\u001b[2J`],
    ['with a command that nobody ran', () => '$(openssl rand -base64 48)'],
    ['with a variable that nobody replaced', (value) => `${value}\${REKEY_SUFFIX}`],
    ['with a variable and its default', () => '${DATABASE_URL:-postgresql://u@h/db}'],
    ['with a template that nobody filled', () => '{{ vault_secret_key }}'],
  ]

  test.each(forms)('is refused by name in every setting: %s', (_what, change) => {
    for (const name of Object.keys(settingsSchema.shape)) {
      const value = change(right[name] ?? 'value')
      const { problems } = toldOf({ [name]: value })
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name}: write `))])
      expect(problems.join()).not.toContain(value)
    }
  })

  test.each(["a,'hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae'", 'hT5vN8qLs2RwXk9Zb4Jm7Yc3Gd6Pf1Ae,"b"'])(
    'is refused in an item of a list: %s',
    (value) => {
      for (const name of ['SECRET_KEY_FALLBACKS', 'CORS_ALLOWED_ORIGINS', 'USER_LOGIN_FIELDS'])
        expect(toldOf({ [name]: value }).problems).toEqual([
          expect.stringContaining(`${name}: write its items`),
        ])
    },
  )

  test('is refused in a secret that was copied with the quotation marks of a text', () => {
    expect(toldOf({ SECRET_KEY: `“${needed.SECRET_KEY}”` }).problems).toEqual([
      'SECRET_KEY: write it without quotes',
    ])
  })

  test('but a dollar sign, a quotation mark or a brace of its own is a part of the value', () => {
    for (const value of ['Money $PATH', 'The "Best"', '$5 (five)', "L'Été", '{x}', '«Заря»'])
      expect(readSettings({ ...needed, APP_NAME: value }).branding.appName).toBe(value)
    for (const value of ['kT9$PATH_vLm4Wq2$HOME_Zx7Rb5Ns8Jc3Fg6', "'kT9vLm4Wq2Zx7Rb5Ns8Jc3Fg6YhDpE4"])
      expect(readSettings({ ...needed, SECRET_KEY: value }).secrets[0]).toBe(value)
  })
})

describe('a message about a malformed address [V5]', () => {
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
  ])('%s=%s: gives an example of that setting, and speaks of no other', (name, value, example) => {
    expect(toldOf({ [name]: value }).problems).toEqual([
      expect.stringMatching(new RegExp(`^${name}: .*${example}`)),
    ])
  })

  test('PORT: speaks of the port in demo, too, not of a PUBLIC_URL that is made from it', () => {
    expect(toldOf({ REKEY_MODE: 'demo', PORT: 'http', PUBLIC_URL: '' }).problems).toEqual([
      expect.stringMatching(/^PORT: /),
    ])
  })
})

test('no message and no warning holds a part of a secret, whatever its value [V5, L3]', () => {
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
    SECRET_KEY: (secret) => [secret, `${needed.SECRET_KEY}${secret}`, `"${secret}"`],
    SECRET_KEY_FALLBACKS: (secret) => [secret, `${needed.SECRET_KEY}${secret}`, `x,${secret}`],
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
      const { problems, warnings } = toldOf(envOf(`${before}zqa${within}zqb${after}`))
      expect([...problems, ...warnings].join('\n')).not.toMatch(/zq[ab]/i)
    }),
    { numRuns: 1000 },
  )
})
