import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { open, parseResponse, receive, sendRequest } from '@/e2e/support/raw-http'

/** Stand-ins replace Next, the check of the database, the monitoring and the worker. */
const directory = mkdtempSync(path.join(tmpdir(), 'rekey-supervisor-'))

const standIns: Record<string, string> = {
  next: `import { writeFileSync } from 'node:fs'
  export default () => ({
    prepare: async () => {
      if (process.env.TRIAL_START !== 'slow') return
      writeFileSync('preparing', '')
      process.once('SIGTERM', () => setTimeout(() => process.kill(process.pid, 'SIGTERM'), 1_000))
      await new Promise((resolve) => setTimeout(resolve, 700))
    },
    close: async () => undefined,
    getRequestHandler: () => async (request, answer) => {
      if (request.url === '/slow') await new Promise((resolve) => setTimeout(resolve, 700))
      if (request.url === '/crash') setTimeout(() => { throw new Error('crash') }, 20)
      const { REKEY_MODE: mode, NODE_ENV: node, MIGRATION_DATABASE_URL: owner } = process.env
      answer.end(JSON.stringify({ pid: process.pid, mode, node, owner }))
    },
  })`,
  '@/lib/setup/preflight': `export async function checkDatabase() {
    if (process.env.TRIAL_DATABASE === 'away') throw new Error('The database at db.example.com does not answer.')
    return []
  }`,
  '@/server/http/monitoring': `export const startMonitoring = () => ({ serve: (handle) => handle, close: async () => undefined })`,
}

const worker = `
  import { appendFileSync } from 'node:fs'
  const note = (text) => appendFileSync('worker.log', process.pid + ' ' + text + '\\n')
  if (process.env.TRIAL_WORKER === 'dies') process.exit(1)
  note('started ' + process.env.REKEY_MODE + (process.env.MIGRATION_DATABASE_URL ? ' as the owner' : ''))
  process.send({ ready: true })
  process.on('SIGTERM', () => { note('stopped'); process.exit(0) })
  process.on('disconnect', () => { note('disconnected'); process.exit(0) })
`

beforeAll(async () => {
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'))
  writeFileSync(path.join(directory, 'worker.mjs'), worker)
  await build({
    entryPoints: [
      { in: 'server/processes/supervisor.ts', out: 'supervisor' },
      { in: 'server/processes/web-process.ts', out: 'web-process' },
      { in: path.join(directory, 'worker.mjs'), out: 'worker-process' },
    ],
    outdir: path.join(directory, 'dist', 'server'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    plugins: [
      {
        name: 'stand-ins',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: new RegExp(`^(${Object.keys(standIns).join('|')})$`) }, ({ path }) => ({
            path,
            namespace: 'stand-in',
          }))
          onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ path }) => ({
            contents: standIns[path]!,
            loader: 'js',
          }))
        },
      },
    ],
  })
}, 30_000)

const complete = {
  SECRET_KEY: 'kP9vXq2LmR7tYw4ZbN8cHs5JdF3gVaQe6UuTi1Oo',
  DATABASE_URL: 'postgresql://rekey:kP9vXq2Lm@db.invalid/rekey',
  PUBLIC_URL: 'https://id.example.com',
  SMTP_URL: 'smtp://mail.invalid:587',
  VERIFICATION_FROM_EMAIL: 'no-reply@example.com',
  HOST: '127.0.0.1',
  PORT: '0',
  WEB_CONCURRENCY: '2',
}

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
})

function start(env: Record<string, string | undefined> = {}, { built = true, basePath = '' } = {}) {
  const cwd = mkdtempSync(path.join(directory, 'cwd-'))
  mkdirSync(path.join(cwd, '.next'))
  if (built) writeFileSync(path.join(cwd, '.next', 'BUILD_ID'), 'trial')
  writeFileSync(
    path.join(cwd, '.next', 'routes-manifest.json'),
    JSON.stringify({ basePath, staticRoutes: [], dynamicRoutes: [{ regex: '^/' }] }),
  )
  const { PATH } = process.env
  const child = spawn(process.execPath, [path.join(directory, 'dist/server/supervisor.js')], {
    cwd,
    env: { PATH, ...complete, ...env } as unknown as NodeJS.ProcessEnv,
  })
  started.push(child)
  let [output, errors] = ['', '']
  child.stdout.on('data', (data) => (output += data))
  child.stderr.on('data', (data) => (errors += data))
  const ended = new Promise<{ code: number | null; output: string; errors: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, output, errors }))
  })
  /** The lines that workers wrote: a process id and an event. */
  const workerNotes = () =>
    readFileSync(path.join(cwd, 'worker.log'), { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean)
  return { child, cwd, ended, output: () => output, workerNotes }
}

async function startServing(env: Record<string, string | undefined> = {}) {
  const run = start(env)
  await expect.poll(run.output, { timeout: 8_000 }).toMatch(/^Rekey is serving on /m)
  const port = Number(/^Rekey is serving on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(run.output())?.[1])
  const pidOf = async () => (JSON.parse((await sendRequest(port, 'GET /')).body) as { pid: number }).pid
  const pids = async () => {
    const seen = new Set<number>()
    for (let n = 0; n < 12; n += 1) seen.add(await pidOf())
    return [...seen]
  }
  const bothPids = async () => {
    await expect.poll(async () => (await pids()).length, { timeout: 8_000 }).toBe(2)
    return pids()
  }
  return { ...run, port, pids, bothPids }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('starts that are refused', { timeout: 20_000 }, () => {
  test.each([
    ['without a secret', { SECRET_KEY: undefined }, 'SECRET_KEY'],
    ['with a short secret', { SECRET_KEY: 'short' }, 'SECRET_KEY'],
    ['with a sample secret', { SECRET_KEY: 'change-me-change-me-change-me-please' }, 'SECRET_KEY'],
    ['with a public address without https', { PUBLIC_URL: 'http://id.example.com' }, 'PUBLIC_URL'],
    [
      'with a default password of the database',
      { DATABASE_URL: 'postgresql://postgres:postgres@db.invalid/x' },
      'DATABASE_URL',
    ],
    ['without a mail server', { SMTP_URL: undefined }, 'SMTP_URL'],
    [
      'without a mail server, but with the demo mode in the environment',
      { SMTP_URL: undefined, REKEY_MODE: 'demo' },
      'SMTP_URL',
    ],
    [
      'without a public address, but with the dev mode in the environment',
      { PUBLIC_URL: undefined, REKEY_MODE: 'dev' },
      'PUBLIC_URL',
    ],
  ])('a service %s does not start and names the setting [K1]', async (_, env, named) => {
    const { code, output, errors } = await start(env).ended
    expect(code).toBe(1)
    expect(errors).toMatch(
      new RegExp(`^Rekey cannot start: its settings need attention\\.\\n {2}- ${named}[: ]`),
    )
    expect(errors).not.toMatch(/\n\s+at /)
    expect(output).not.toContain('serving')
  })

  test('a start that is refused names all wrong settings at once [K1]', async () => {
    const { errors } = await start({ SECRET_KEY: undefined, PUBLIC_URL: undefined, PORT: 'x' }).ended
    for (const name of ['SECRET_KEY', 'PUBLIC_URL', 'PORT']) expect(errors).toContain(`  - ${name}`)
  })

  test('a service without a build does not start [K1]', async () => {
    const { code, errors } = await start({}, { built: false }).ended
    expect([code, errors]).toEqual([1, 'There is no build to serve; run `npm run build` first.\n'])
  })

  test.each([
    [
      'https://example.com/account',
      '',
      'PUBLIC_URL has the path /account, but the build was made for no path',
    ],
    [
      'https://example.com',
      '/account',
      'PUBLIC_URL has no path, but the build was made for the path /account',
    ],
    [
      'https://example.com/account/team',
      '/account',
      'PUBLIC_URL has the path /account/team, but the build was made for the path /account',
    ],
  ])(
    'a service at %s does not start with a build for the path "%s" [V8]',
    async (publicUrl, basePath, sentence) => {
      const { code, errors } = await start({ PUBLIC_URL: publicUrl }, { basePath }).ended
      expect([code, errors]).toEqual([1, `${sentence}; run \`npm run build\` with this PUBLIC_URL.\n`])
    },
  )

  test('a service that cannot reach its database does not start [K1]', async () => {
    const { code, errors } = await start({ TRIAL_DATABASE: 'away' }).ended
    expect([code, errors]).toEqual([1, 'The database at db.example.com does not answer.\n'])
  })

  test('a service with four processes says once that its port is in use, and does not start [K1]', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const { code, output, errors } = await start({ PORT: String(port), WEB_CONCURRENCY: '4' }).ended
    other.close()
    expect(code).toBe(1)
    expect(errors).toBe(
      `Port ${port} is in use by another program; stop that one, or set PORT to another port.\n`,
    )
    expect(output).not.toContain('serving')
  })

  test('a service whose worker cannot start does not start [K1]', async () => {
    const { code, errors } = await start({ TRIAL_WORKER: 'dies' }).ended
    expect([code, errors]).toEqual([1, 'The worker process ended before it was ready.\n'])
  })
})

describe('a running service', { timeout: 20_000 }, () => {
  test('web processes share a port in production mode whatever the environment says, and print the address once', async () => {
    const { port, pids, output, child, ended, workerNotes } = await startServing({
      REKEY_MODE: 'demo',
      NODE_ENV: 'development',
    })
    await expect.poll(async () => (await pids()).length, { timeout: 10_000 }).toBe(2)
    expect(JSON.parse((await sendRequest(port, 'GET /')).body)).toMatchObject({
      mode: 'production',
      node: 'production',
    })
    expect(workerNotes()).toEqual([expect.stringMatching(/ started production$/)])
    expect(output().match(/serving on/g)).toHaveLength(1)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  test('no process gets MIGRATION_DATABASE_URL, and a default password in it is rejected [K1, K5]', async () => {
    const owner = 'postgresql://owner:c4n4ry-7Zr8k@db.invalid/rekey'
    const { port, workerNotes } = await startServing({ MIGRATION_DATABASE_URL: owner })
    expect((await sendRequest(port, 'GET /')).body).not.toContain('c4n4ry')
    await expect.poll(workerNotes).toEqual([expect.stringMatching(/ started production$/)])
    const { errors } = await start({ MIGRATION_DATABASE_URL: 'postgresql://owner:postgres@db.invalid/x' })
      .ended
    expect(errors).toContain('MIGRATION_DATABASE_URL: its password')
  })

  test('a service with WORKER=off starts no worker', async () => {
    const { child, ended, workerNotes } = await startServing({ WORKER: 'off', WEB_CONCURRENCY: '1' })
    child.kill('SIGTERM')
    await ended
    expect(workerNotes()).toEqual([])
  })

  test('a killed web process is started again while the other one serves [F15]', async () => {
    const { bothPids } = await startServing()
    const [first, second] = await bothPids()
    process.kill(first!, 'SIGKILL')
    const after = await bothPids()
    expect(after).toContain(second)
    expect(after).not.toContain(first)
  })

  test('an uncaught error outside of a request ends its web process, which is started again [F15]', async () => {
    const { port, bothPids, output } = await startServing()
    const before = await bothPids()
    const answer = await sendRequest(port, 'GET /crash')
    expect(answer.status).toBe(200)
    const { pid } = JSON.parse(answer.body) as { pid: number }
    await expect.poll(() => isAlive(pid), { timeout: 8_000 }).toBe(false)
    expect(before).toContain(pid)
    expect(await bothPids()).not.toContain(pid)
    expect(output().match(/"level":"fatal"/g)).toHaveLength(1)
  })

  test('a killed worker is started again [F15]', async () => {
    const { workerNotes } = await startServing()
    await expect.poll(() => workerNotes().length).toBe(1)
    process.kill(Number.parseInt(workerNotes()[0]!), 'SIGKILL')
    await expect.poll(() => workerNotes().length, { timeout: 8_000 }).toBe(2)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'at %s, the service finishes requests in progress, stops the worker and exits with 0 [F9]',
    async (signal) => {
      const { port, bothPids, child, ended, workerNotes } = await startServing()
      const all = await bothPids()
      const socket = await open(port)
      socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
      const answered = receive(socket, { timeout: 5_000 })
      await new Promise((resolve) => setTimeout(resolve, 100))
      child.kill(signal)
      const answer = parseResponse((await answered).text)
      expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
      expect((await ended).code).toBe(0)
      expect(all.filter(isAlive)).toEqual([])
      expect(workerNotes().map((note) => note.split(' ')[1])).toEqual(['started', 'stopped'])
    },
  )

  test('a start that is stopped before it is ready ends, and does not print an address [F9]', async () => {
    const { child, cwd, ended } = start({ TRIAL_START: 'slow', WORKER: 'off' })
    await expect.poll(() => existsSync(path.join(cwd, 'preparing')), { timeout: 10_000 }).toBe(true)
    child.kill('SIGTERM')
    const { code, output } = await ended
    expect([code, output.includes('serving')]).toEqual([0, false])
  })

  test('when the supervisor is killed, its web processes and its worker end', async () => {
    const { bothPids, child, workerNotes } = await startServing()
    const all = await bothPids()
    child.kill('SIGKILL')
    await expect.poll(() => all.filter(isAlive), { timeout: 5_000 }).toEqual([])
    await expect.poll(() => workerNotes().at(-1), { timeout: 5_000 }).toMatch(/ disconnected$/)
  })
})
