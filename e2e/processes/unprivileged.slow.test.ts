import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { embeddedDatabaseUrl } from '@/scripts/embedded-database/embedded-database'
import { startMailSink } from '@/e2e/support/mail-sink'
import { freePort, newPassword, readLink } from '@/e2e/support/running-app'

/** A user without rights, for tests that run as root. */
const nobody = { uid: 65_534, gid: 65_534 }
const user = process.getuid?.() === 0 ? nobody : undefined
const reads = () =>
  spawnSync(process.execPath, ['-e', 'require("fs").readdirSync(".next")'], { ...user }).status === 0

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-nobody-'))
const dataDir = path.join(directory, 'data')
const temporary = path.join(directory, 'temporary')
mkdirSync(dataDir)
mkdirSync(temporary)
for (const dir of [directory, dataDir]) if (user !== undefined) chownSync(dir, user.uid, user.gid)

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

async function run(command: string, env: Record<string, string>, until: RegExp) {
  const child = spawn(process.execPath, ['scripts/run.js', command], {
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      TMPDIR: temporary,
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      WEB_CONCURRENCY: '1',
      ...env,
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  })
  children.push(child)
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const collect = (chunk: Buffer) => {
      output += chunk
      if (until.test(output)) resolve()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('close', (code) => reject(new Error(`${command} ended with ${code}:\n${output}`)))
  })
  return {
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      const [code] = await once(child, 'exit')
      return code as number | null
    },
  }
}

function writings(dir: string): Map<string, number> {
  const found = new Map<string, number>()
  const walk = (at: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const one = path.join(at, entry.name)
      if (/^(\.git|test-results|playwright-report|screenshots|node_modules)$/.test(entry.name)) continue
      if (entry.isDirectory()) walk(one)
      else found.set(path.relative(dir, one), lstatSync(one).ctimeMs)
    }
  }
  walk(dir)
  return found
}

test('a whole reset works as a user without rights, and only the data directory is written [K5]', async () => {
  expect(reads(), 'as root, this test needs a copy of this directory that others may read').toBe(true)
  const before = writings('.')
  const sink = await startMailSink()
  try {
    // The demo makes the embedded database with its accounts; `npm start` then runs on that database.
    const demo = await run('demo', { PORT: String(await freePort()), WORKER: 'off' }, /Rekey is running/)
    const port = await freePort()
    const service = await run(
      'start',
      {
        PORT: String(port),
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        DATABASE_URL: embeddedDatabaseUrl(dataDir),
        SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
        SMTP_URL: sink.url,
        VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      },
      /worker_started[^]*serving on|serving on[^]*worker_started/,
    )
    const post = (endpoint: string, body: object) =>
      fetch(`http://127.0.0.1:${port}/api/v1/accounts/${endpoint}/`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await fetch(`http://127.0.0.1:${port}/forgot-password/`)).status).toBe(200)
    expect((await post('send-reset-password-link', { login: 'demo' })).status).toBe(200)
    await expect.poll(() => sink.emails.length, { timeout: 30_000 }).toBe(1)
    const link = readLink(sink.emails[0]!.link)
    expect((await post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
    expect([await service.stop(), await demo.stop()]).toEqual([0, 0])
  } finally {
    await sink.close()
  }
  expect([...writings('.')].filter(([file, at]) => before.get(file) !== at)).toEqual([])
  expect(readdirSync(directory).sort()).toEqual(['data', 'temporary'])
  expect(readdirSync(temporary)).toEqual([])
  // No other user may read the secret key.
  expect(readdirSync(dataDir)).toEqual(expect.arrayContaining(['database', 'secret-key']))
  expect(lstatSync(path.join(dataDir, 'secret-key')).mode & 0o077).toBe(0)
  if (user !== undefined) expect(lstatSync(path.join(dataDir, 'secret-key')).uid).toBe(user.uid)
}, 180_000)
