import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readDockerfile, runDockerfile } from '@/e2e/support/dockerfile-steps'
import { startMailSink } from '@/e2e/support/mail-sink'
import { freePort } from '@/e2e/support/running-app'
import { createTestDatabase } from '@/e2e/support/test-database'

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-image-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('the steps of the Dockerfile make what serves, tells its health, and stops in order (V3, K3)', async () => {
  const steps = readDockerfile('Dockerfile')
  expect(steps.filter(({ instruction }) => instruction === 'USER').map(({ text }) => text)).toEqual(['node'])
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME } as unknown as NodeJS.ProcessEnv
  const { folder, variables, command } = runDockerfile(steps, directory, bare)
  expect(readdirSync(folder).sort()).toEqual(
    ['.next', 'dist', 'next.config.js', 'node_modules', 'package.json', 'prisma', 'scripts'].sort(),
  )
  expect(readdirSync(path.join(folder, 'node_modules'))).not.toContain('vitest')

  const database = await createTestDatabase()
  const sink = await startMailSink()
  const port = await freePort()
  const env = {
    ...bare,
    ...variables,
    PORT: String(port),
    SECRET_KEY: randomBytes(32).toString('base64url'),
    DATABASE_URL: database.url,
    REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '',
    PUBLIC_URL: `http://localhost:${port}`,
    SMTP_URL: sink.url,
    VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
  }
  const run = (args: string[]) =>
    spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] })
  const [, ...start] = command
  const health = async () => (await once(run(['scripts/health-check.js']), 'exit'))[0] as number
  try {
    expect(await health()).toBe(1)
    expect((await once(run(['scripts/run.js', 'migrate']), 'exit'))[0]).toBe(0)
    const app = run(start)
    await expect.poll(health, { timeout: 60_000, interval: 500 }).toBe(0)
    expect((await fetch(`http://127.0.0.1:${port}/forgot-password/`)).status).toBe(200)
    app.kill('SIGTERM')
    expect([0, 143]).toContain((await once(app, 'exit'))[0])
  } finally {
    await sink.close()
    await database.drop()
  }
}, 600_000)
