import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readDockerfile, runDockerfile } from '@/e2e/support/dockerfile-steps'
import { startMailSink } from '@/e2e/support/mail-sink'
import { freePort, newPassword, readLink } from '@/e2e/support/running-app'
import { createTestDatabase } from '@/e2e/support/test-database'

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-image-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('the image of the Dockerfile serves a whole reset, reports its health and stops cleanly [V3, K3]', async () => {
  const steps = readDockerfile('Dockerfile')
  expect(steps.filter(({ instruction }) => instruction === 'USER').map(({ text }) => text)).toEqual(['node'])
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME } as unknown as NodeJS.ProcessEnv
  const { folder, variables, command } = runDockerfile(steps, directory, bare)
  expect(readdirSync(folder).sort()).toEqual(
    ['.next', 'dist', 'next.config.js', 'node_modules', 'package.json', 'prisma', 'public', 'scripts'].sort(),
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
    const adding = spawn(
      process.execPath,
      ['scripts/run.js', 'accounts', 'add', 'ada', 'ada@example.com', '--password-stdin'],
      { cwd: folder, env, stdio: ['pipe', 'ignore', 'inherit'] },
    )
    adding.stdin.end(newPassword())
    expect((await once(adding, 'exit'))[0]).toBe(0)
    const processes = [run(start), run(['scripts/run.js', 'worker'])]
    await expect.poll(health, { timeout: 60_000, interval: 500 }).toBe(0)
    const url = `http://127.0.0.1:${port}`
    expect((await fetch(`${url}/forgot-password/`)).status).toBe(200)
    const post = (endpoint: string, fields: Record<string, string>) =>
      fetch(`${url}/api/v1/accounts/${endpoint}/`, { method: 'POST', body: new URLSearchParams(fields) })
    expect((await post('send-reset-password-link', { login: 'ada' })).status).toBe(200)
    const link = readLink((await sink.next('ada@example.com', 60_000)).link)
    expect((await post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
    for (const process of processes) {
      const exit = once(process, 'exit')
      process.kill('SIGTERM')
      expect([0, 143]).toContain((await exit)[0])
    }
  } finally {
    await sink.close()
    await database.drop()
  }
}, 600_000)
