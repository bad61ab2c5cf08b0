import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '@/e2e/support/running-app'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'

let database: TestDatabase
let dataDir: string
beforeAll(async () => {
  database = await createTestDatabase()
  dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-settings-'))
})
afterAll(async () => {
  await database?.drop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function start(
  env: Record<string, string>,
): Promise<{ code: number | null; output: string; served: boolean }> {
  const port = await freePort()
  const child = spawn(process.execPath, ['scripts/run.js', 'start'], {
    env: {
      PATH: process.env.PATH,
      SECRET_KEY: 'Vb7Kq2Zr9Lw4Xt6Np1Hy8Md3Gs5Jf0Qc',
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      SMTP_URL: 'smtp://127.0.0.1:9?ignoreTLS=true',
      VERIFICATION_FROM_EMAIL: 'Rekey <no-reply@rekey.example>',
      PORT: String(port),
      HOST: '127.0.0.1',
      WEB_CONCURRENCY: '1',
      ...env,
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let served = false
  child.stdout.on('data', (chunk) => {
    output += chunk
    if (/serving on/.test(output)) {
      served = true
      child.kill()
    }
  })
  child.stderr.on('data', (chunk) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, output, served }
}

const evil = 'eve@evil.example'
const breaks = ['\r\n', '\n', '\r', '\u0085', '\u2028', '\u000b']

/** Invalid values for each setting. The nth values of all settings are tried together, and the error must name each setting. */
type Table = Record<string, readonly string[]>

const distributed = (names: string[], values: readonly string[]): Table =>
  Object.fromEntries(names.map((name, at) => [name, values.filter((_, n) => n % names.length === at)]))

const headers: Table = {
  APP_NAME: breaks.map((line) => `Rekey${line}Bcc: ${evil}`),
  ...distributed(
    ['VERIFICATION_FROM_EMAIL', 'VERIFICATION_REPLY_TO_EMAIL', 'SUPPORT_EMAIL'],
    [
      ...breaks.map((line) => `no-reply@example.com${line}Bcc: ${evil}`),
      ...breaks.map((line) => `Example${line}Bcc: ${evil} <no-reply@example.com>`),
      `no-reply@example.com,${evil}`,
      `no-reply@example.com ${evil}`,
      `Example <no-reply@example.com>, ${evil}`,
      `"${evil}"@example.com`,
      `Example <"${evil}"@example.com>`,
      '-oQ/tmp/x@example.com',
      'Example <-oQ/tmp/x@example.com>',
      `friends:${evil};`,
      'no-reply\uff20example.com',
      'no-reply@localhost:25',
    ],
  ),
}

const flags = ['ENABLED', 'ONE_TIME_USE'].map((name) => `RESET_PASSWORD_VERIFICATION_${name}`)
const limits = [
  'REQUESTS_PER_CLIENT',
  'REQUESTS_PER_LOGIN',
  'RESETS_PER_CLIENT',
  'ATTEMPTS_PER_LINK',
  'EMAILS',
]
const invalid: Table = {
  SECRET_KEY: [
    'short',
    'x'.repeat(64),
    'change-me-change-me-change-me-please',
    'abababababababababababababababab',
  ],
  SECRET_KEY_FALLBACKS: ['short', 'Vb7Kq2Zr9Lw4Xt6Np1Hy8Md3Gs5Jf0Qc,short', 'x'.repeat(40)],
  DATABASE_URL: ['mysql://localhost/x', 'localhost', 'postgresql://postgres:postgres@db.example.com/x'],
  PUBLIC_URL: [
    'http://id.example.com',
    'https://id.example.com/a/../path',
    'https://id.example.com//path',
    'https://id.example.com/_next',
    'https://user:pw@id.example.com',
    'javascript:alert(1)',
    '//id.example.com',
    'https://id.example.com/?next=x',
  ],
  SECURITY_CONTACT: [
    'http://example.com/security',
    'nobody',
    'Us <us@example.com>',
    'a@example.com\nExpires: never',
  ],
  RESET_PASSWORD_VERIFICATION_URL: [
    'http://front.example/reset',
    'javascript:alert(1)',
    'https://user:pw@front.example/',
    'https://front.example/#/reset?from=mail',
    '/reset',
    `https://front.example/\r\nBcc: ${evil}`,
  ],
  ...distributed(flags, ['True', 'yes', '1', 'on', 'FALSE', 'no', '0', 'off', 'tru', 'true,false']),
  RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: ['False', 'no', '0'],
  RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: ['True', 'yes', '1'],
  SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: ['True', 'yes', '1'],
  RESET_PASSWORD_VERIFICATION_PERIOD: ['25h', '86401s', '0s', '-1h', '3600', '1 h'],
  USER_LOGIN_FIELDS: ['id', 'username,password', ',', 'username email'],
  PASSWORD_MIN_LENGTH: ['7', '0', '-8', '1e1', '8.5', '65'],
  PASSWORD_OUTER_SPACES: ['Keep', 'trim', 'false'],
  PASSWORD_BREACH_CHECK_URL: ['http://range.example/', 'file:///etc/passwd', 'yes', 'ftp://range.example/'],
  SMTP_URL: [
    'http://mail.example',
    'smtp://mail.example?requireTLS=false',
    'smtp://mail.example?ignoreTLS=1',
    'smtps://mail.example?tls.rejectUnauthorized=false',
    'smtp://mail.example/?debug=true&ignoreTLS=true',
    'smtp://mail.example/path',
  ],
  TRUSTED_PROXY_HOPS: ['-1', 'all', '1.5', '11', '0x1', 'true'],
  CORS_ALLOWED_ORIGINS: [
    '*',
    'null',
    'http://front.example',
    'https://front.example/path',
    'front.example',
    'https://a.example,*',
  ],
  ...distributed(
    limits.map((name) => `LIMIT_${name}`),
    ['0/10m', '10', '10/0m', '-1/1m', 'none', '10/10', '10 / 10m', '1e3/1m', '10/10m,20/1h', '*'],
  ),
  LIMIT_EMAILS_PER_ACCOUNT: ['0/1h', '101/1h'],
  EMAIL_COOLDOWN: ['0', 'none', '-1s', '0m', '60'],
  AUDIT_RETENTION: ['6d', '0d', 'never'],
  USERS_TABLE_PROOF: ['Required', 'true', 'no'],
  DEFAULT_LOCALE: ['xx', '../en', 'EN', '__proto__'],
  WORKER: ['true', 'no', 'On'],
  WEB_CONCURRENCY: ['0', '-1', 'auto', '129'],
  PORT: ['65536', '-1', 'http', '80.5'],
  LOG_LEVEL: ['silent', 'INFO', 'verbose'],
}

function roundsOf(table: Table): Record<string, string>[] {
  const rounds = Math.max(...Object.values(table).map(({ length }) => length))
  return Array.from({ length: rounds }, (_, round) =>
    Object.fromEntries(
      Object.entries(table).flatMap(([name, values]) =>
        values[round] === undefined ? [] : [[name, values[round]]],
      ),
    ),
  )
}

async function expectRejected(env: Record<string, string>): Promise<void> {
  const { code, output, served } = await start(env)
  expect([env, code, served]).toEqual([env, 1, false])
  const named = [...output.matchAll(/^ {2}- ([A-Z_]+)(?: is missing)?: /gm)].map(([, name]) => name)
  expect([...new Set(named)].sort()).toEqual(Object.keys(env).sort())
  expect(output).not.toMatch(/\n\s+at /)
}

describe('line ends and second addresses in settings [C7, CVE-2015-5144, CVE-2021-32052]', () => {
  test('a setting that would add a header or a second sender keeps the app from starting [C7]', async () => {
    for (const env of roundsOf(headers)) await expectRejected(env)
  })
})

describe('invalid settings [C15, CVE-2026-73421]', () => {
  test('an invalid setting keeps the app from starting, and the error names it [C15, K1]', async () => {
    for (const env of roundsOf(invalid)) await expectRejected(env)
  })

  test('the app does not start on a database that was never migrated [C15]', async () => {
    const { code, output, served } = await start({})
    expect([code, served]).toEqual([1, false])
    expect(output).toContain('npm run migrate')
  })

  test('the error about an invalid setting does not show a secret [C15, L3]', async () => {
    const canaries = { SECRET_KEY: 'canary-7f3a', SMTP_URL: 'http://user:canary-7f3b@mail.example' }
    const { code, output } = await start({
      ...canaries,
      DATABASE_URL: 'mysql://user:canary-7f3c@db.example/x',
      SECRET_KEY_FALLBACKS: 'canary-7f3d',
    })
    expect([code, output.includes('canary')]).toEqual([1, false])
  })

  test('the error about a database password that is not percent-encoded shows no part of it [V5]', async () => {
    const { code, output } = await start({ DATABASE_URL: 'postgresql://postgres:p@canary/w0rd@127.0.0.1/db' })
    expect([code, output]).toEqual([1, expect.stringContaining('  - DATABASE_URL: percent-encode ')])
    expect(output).not.toMatch(/canary|w0rd/)
  })
})
