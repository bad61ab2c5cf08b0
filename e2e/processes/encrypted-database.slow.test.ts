import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEncryptedDatabase } from '@/e2e/support/encrypted-database'
import { newPassword, startApp } from '@/e2e/support/running-app'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'

const dir = mkdtempSync(path.join(tmpdir(), 'rekey-encrypted-'))
const certificate = makeSelfSignedCertificate('localhost')
const trusted = path.join(dir, 'trusted.pem')
const untrusted = path.join(dir, 'untrusted.pem')
writeFileSync(trusted, certificate.cert)
writeFileSync(untrusted, makeSelfSignedCertificate('localhost').cert)

let database: TestDatabase
let encrypted: Awaited<ReturnType<typeof startEncryptedDatabase>>
beforeAll(async () => {
  database = await createTestDatabase()
  encrypted = await startEncryptedDatabase(database, certificate)
})
afterAll(async () => {
  await encrypted?.close()
  await database?.drop()
  rmSync(dir, { recursive: true, force: true })
})

function urlTrusting(file: string, host = 'localhost'): string {
  const url = new URL(encrypted.url)
  url.hostname = host
  url.searchParams.set('sslmode', 'verify-full')
  url.searchParams.set('sslrootcert', file)
  return url.href
}

test('a whole reset works on a database that accepts only verified TLS connections [K5]', async () => {
  const app = await startApp({ database: { ...database, url: urlTrusting(trusted) } })
  try {
    const person = await app.addPerson()
    const password = newPassword()
    const link = await app.linkFor(person)
    expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
    expect(await app.passwordIs(person, password)).toBe(true)
    await expect.poll(() => app.sink.countTo(person.email), { timeout: 20_000 }).toBe(2)
  } finally {
    await app.stop()
  }
})

test('npm start and migrate warn of unverified TLS to a database on another machine [K5]', async () => {
  const url = new URL(encrypted.url)
  // An address of this machine that Rekey does not know as such.
  url.hostname = '0.0.0.0'
  url.searchParams.set('sslmode', 'no-verify')
  const app = await startApp({ database: { ...database, url: url.href } })
  await app.stop()
  const warnings = app.output().match(/"event":"settings_warning".*"/g) ?? []
  expect(warnings.filter((line) => line.includes('without a check of its certificate'))).toHaveLength(1)

  const env = {
    ...{ PATH: process.env.PATH, NODE_ENV: 'production' as const },
    ...{ DATABASE_URL: urlTrusting(trusted), MIGRATION_DATABASE_URL: url.href },
  }
  const { stderr } = await promisify(execFile)(process.execPath, ['scripts/run.js', 'migrate'], { env })
  expect(stderr).toMatch(
    /^The database at 0\.0\.0\.0:\S+ is reached without a check of its certificate: .+\n$/,
  )
})

test('npm run worker warns of unverified TLS to a database on another machine [K5]', async () => {
  const url = new URL(encrypted.url)
  url.hostname = '0.0.0.0'
  url.searchParams.set('sslmode', 'no-verify')
  const worker = spawn(process.execPath, ['scripts/run.js', 'worker'], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: url.href,
      SECRET_KEY: randomBytes(32).toString('base64url'),
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtp://localhost:1',
      VERIFICATION_FROM_EMAIL: 'no-reply@example.com',
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    const [line] = (await once(worker.stderr, 'data')) as [Buffer]
    expect(line.toString()).toMatch(/^The database at 0\.0\.0\.0:\S+ is reached without a check/)
  } finally {
    worker.kill()
    await once(worker, 'exit')
  }
})

test.each([
  ['an untrusted certificate', () => urlTrusting(untrusted), /self.signed certificate|unable to verify/],
  [
    'a certificate of another host',
    () => urlTrusting(trusted, '127.0.0.1'),
    /does not match|not in the cert/,
  ],
  ['a missing file of certificates', () => urlTrusting(path.join(dir, 'missing.pem')), /ENOENT/],
  ['a connection without the TLS that the database requires', () => encrypted.url, /terminated|ECONNRESET/],
])('the app does not start with %s, and says so in one sentence [K5]', async (_what, url, reason) => {
  const child = spawn(process.execPath, ['scripts/run.js', 'start'], {
    env: {
      PATH: process.env.PATH,
      SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
      DATABASE_URL: url(),
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtps://mail.example.com',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      PORT: '0',
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // A start that succeeds would not end; it must fail the test.
  child.stdout.once('data', () => child.kill())
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  expect([code, output]).toEqual([1, ''])
  expect(errors).toMatch(/^The database at (localhost|127\.0\.0\.1):\d+\/\w+ does not answer \(.+\)\.\n$/)
  expect(errors).toMatch(reason)
})
