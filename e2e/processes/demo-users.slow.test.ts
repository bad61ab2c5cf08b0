import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hrefs } from '@/e2e/support/emails'
import { freePort, newPassword, readLink } from '@/e2e/support/running-app'
import { createDevMailboxReader } from '@/lib/mail/dev-mailbox'
import { embeddedDatabaseUrl } from '@/scripts/embedded-database/embedded-database'

let dataDir: string
beforeAll(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-demo-'))
})
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

function run(args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, ['scripts/run.js', ...args], {
    env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...env } as unknown as NodeJS.ProcessEnv,
    timeout: 110_000,
  })
}

async function outcome(child: ChildProcess, input = '') {
  child.stdin!.end(input)
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ])
  return { code: code as number | null, output: output.trim(), errors: errors.trim() }
}

describe.each([
  {
    product: 'django',
    login: 'demo',
    stored: `SELECT password FROM auth_user WHERE username = 'demo'`,
    format: /^pbkdf2_sha256\$1000000\$[A-Za-z0-9]+\$[A-Za-z0-9+/]{43}=$/,
    similar: 'Not close to your name, username or email address',
  },
  {
    product: 'better-auth',
    login: 'demo@example.com',
    stored: `SELECT a.password FROM "user" u JOIN account a ON a."userId" = u.id WHERE u.email = 'demo@example.com'`,
    format: /^[0-9a-f]{32}:[0-9a-f]{128}$/,
    similar: 'Not close to your name or email address',
  },
])('npm run demo -- --users $product', ({ product, login, stored, format, similar }) => {
  test('a reset in the demo stores a hash of the product’s own format in the product’s table [K1, W2, W3, W11]', async () => {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const directory = path.join(dataDir, product)
    const demo = run(['demo', '--users', product], { PORT: String(port) })
    let output = ''
    for (const stream of [demo.stdout!, demo.stderr!]) stream.on('data', (chunk) => (output += chunk))
    try {
      await expect.poll(() => output, { timeout: 90_000 }).toContain('Rekey is running')
      expect(output).toContain(`as "${login}" or "ada`)
      const verify = `npm run accounts -- verify ${login} --users ${product}`
      expect(output).toContain(verify)

      const post = (endpoint: string, fields: Record<string, string>) =>
        fetch(`${url}/api/v1/accounts/${endpoint}/`, { method: 'POST', body: new URLSearchParams(fields) })
      expect((await post('send-reset-password-link', { login })).status).toBe(200)
      const mailbox = createDevMailboxReader(path.join(directory, 'mail'))
      await expect.poll(async () => (await mailbox.list()).length, { timeout: 30_000 }).toBe(1)
      const email = (await mailbox.open((await mailbox.list())[0]!.id))!
      expect(email.to).toContain('demo@example.com')
      expect(email.text).toContain('Hello Dana')
      const link = hrefs(email.html).find((href) => href.includes('/reset-password/'))!

      const page = await (await fetch(link)).text()
      expect(page).toMatch(new RegExp(`<bdi[^>]*>${RegExp.escape(login)}</bdi>`))
      const field = /<input[^>]*autoComplete="username"[^>]*>/i.exec(page)?.[0]
      expect(field).toContain(`value="${login}"`)
      expect(page).toContain(similar)

      const password = newPassword()
      expect((await post('reset-password', { ...readLink(link), password })).status).toBe(200)
      const sql = new pg.Client({ connectionString: embeddedDatabaseUrl(directory) })
      await sql.connect()
      const { rows } = await sql.query<{ password: string }>(stored)
      await sql.end()
      expect(rows[0]!.password).toMatch(format)
      const [, ...args] = verify
        .replace('npm run ', '')
        .split(' ')
        .filter((word) => word !== '--')
      expect(await outcome(run(['accounts', ...args]), password)).toEqual({
        code: 0,
        output: 'This is the password.',
        errors: `Database: the demo's in ${directory}`,
      })
      const onAccounts = (...args: string[]) => outcome(run(['accounts', ...args, '--users', product]))
      expect((await onAccounts('list')).output).toContain('demo@example.com')
      expect((await onAccounts('history', login)).output).toContain('password')
      const changes = [
        ['add', 'eve', 'eve@example.com'],
        ['activate', login],
        ['deactivate', login],
      ]
      for (const refused of await Promise.all(changes.map((args) => onAccounts(...args))))
        expect(refused).toMatchObject({
          code: 2,
          errors: expect.stringMatching(
            /^The accounts are in public\.(auth_)?user: only their own application/,
          ),
        })
    } finally {
      if (demo.exitCode === null) {
        demo.kill('SIGTERM')
        await once(demo, 'exit')
      }
    }
  }, 180_000)
})

test('the demo rejects an unknown product in --users, and --users with DATABASE_URL, in one sentence [K1]', async () => {
  expect(await outcome(run(['demo', '--users', 'rails']))).toEqual({
    code: 1,
    output: '',
    errors: 'There is no demo with the users of "rails": --users takes better-auth or django.',
  })
  const elsewhere = run(['demo', '--users', 'django'], { DATABASE_URL: 'postgresql://rekey@localhost/rekey' })
  expect(await outcome(elsewhere)).toEqual({
    code: 1,
    output: '',
    errors: '--users has a database of its own: run this command without DATABASE_URL.',
  })
})
