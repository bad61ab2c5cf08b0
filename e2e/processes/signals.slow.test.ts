import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readDockerfile } from '@/e2e/support/dockerfile-steps'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { copiedSources } from '@/e2e/support/copied-sources'
import {
  halfRequest,
  isListening,
  startMarked,
  type MarkedProcesses,
  type Receiver,
} from '@/e2e/support/marked-processes'
import { freePort } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'

// On a busy machine, a start takes long.
vi.setConfig({ testTimeout: 240_000 })

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-signals-'))
let database: TestDatabase
beforeAll(async () => {
  database = await createMigratedDatabase()
})
const started: MarkedProcesses[] = []
afterEach(() => started.splice(0).forEach((processes) => processes.kill()))
afterAll(async () => {
  await database.drop()
  rmSync(directory, { recursive: true, force: true })
})

const settings = (port: number) => ({
  SECRET_KEY: randomBytes(32).toString('base64url'),
  DATABASE_URL: database.url,
  DATA_DIR: directory,
  PUBLIC_URL: `http://127.0.0.1:${port}`,
  SMTP_URL: 'smtp://127.0.0.1:9',
  VERIFICATION_FROM_EMAIL: 'Rekey <no-reply@rekey.example>',
  HOST: '127.0.0.1',
  PORT: String(port),
  WEB_CONCURRENCY: '1',
  LOG_LEVEL: 'info',
})

function start(command: [string, ...string[]], env: Record<string, string>, cwd?: string) {
  const processes = startMarked(command, env, cwd)
  started.push(processes)
  return processes
}

async function expectGone(processes: MarkedProcesses, port?: number) {
  await expect.poll(processes.left, { timeout: 15_000 }).toEqual([])
  if (port !== undefined) expect(await isListening(port)).toBe(false)
}

const isolated = ['unshare', '--pid', '--fork', '--mount-proc'] as const
const mayIsolate = spawnSync(isolated[0], [...isolated.slice(1), 'true']).status === 0
const skipped = mayIsolate ? '' : ' (skipped: unshare is not permitted here)'

const image = readDockerfile('Dockerfile')
const containerEnvironment = Object.fromEntries(
  image
    .filter(({ instruction }) => instruction === 'ENV')
    .flatMap(({ text }) => text.split(' ').map((pair) => pair.split('='))),
) as Record<string, string>
const withThisNode = ([, ...rest]: string[]) => [process.execPath, ...rest]
const containerCommand = withThisNode(
  JSON.parse(image.find(({ instruction }) => instruction === 'CMD')!.text),
)
const workerCommand = withThisNode(
  /command: \[(.*worker')\]/
    .exec(readFileSync('compose.yaml', 'utf8'))![1]!
    .split(', ')
    .map((word) => word.slice(1, -1)),
)

type Stop = {
  title: string
  command: [string, ...string[]]
  signal: NodeJS.Signals
  receiver: Receiver
  code: number
  when?: boolean
  env?: Record<string, string>
}
const stops: Stop[] = [
  {
    title: 'SIGTERM to npm start',
    command: ['npm', 'start'],
    signal: 'SIGTERM',
    receiver: 'itself',
    code: 0,
  },
  {
    title: 'Ctrl-C, which signals every process of npm start twice',
    command: ['npm', 'start'],
    signal: 'SIGINT',
    receiver: 'group',
    code: 0,
  },
  {
    title: `SIGTERM to process 1 of a container of the image${skipped}`,
    command: [...isolated, ...containerCommand],
    env: containerEnvironment,
    signal: 'SIGTERM',
    receiver: 'child',
    code: 0,
    when: mayIsolate,
  },
  {
    title: 'SIGTERM to a shell that waits for npm start',
    command: ['sh', '-c', 'npm start 2>&1; true'],
    signal: 'SIGTERM',
    receiver: 'itself',
    code: 143,
  },
  {
    title: 'SIGKILL to npm, which forwards no signal',
    command: ['npm', 'start'],
    signal: 'SIGKILL',
    receiver: 'itself',
    code: 137,
  },
]

describe('a stopped service', () => {
  for (const { title, command, signal, receiver, code, env = {}, when = true } of stops) {
    test.runIf(when)(
      `after ${title}, the request in progress is answered and no process is left [V3]`,
      async () => {
        const port = await freePort()
        const service = start(command, { ...settings(port), ...env })
        const worker = env.WORKER !== 'off'
        await Promise.all([service.prints(/serving on/), worker && service.prints(/worker_started/)])
        const request = halfRequest(port)
        await pause(200)
        service.signal(signal, receiver)
        await service.prints(/"event":"sys_shutdown"/)
        // A second signal must not break off the shutdown.
        if (code === 0) service.signal(signal, receiver)
        expect(await request.finish()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i)
        expect(await service.ended).toBe(code)
        await expectGone(service, port)
        expect(service.output().match(/"event":"sys_shutdown"/g)).toHaveLength(1)
        expect(service.output().includes('"event":"worker_stopped"')).toBe(worker)
      },
    )
  }
})

test.runIf(mayIsolate)(
  `after SIGTERM to a worker's container, no process is left${skipped} [V3]`,
  async () => {
    const worker = start([...isolated, ...workerCommand], settings(await freePort()))
    await worker.prints(/worker_started/)
    worker.signal('SIGTERM', 'child')
    expect(await worker.ended).toBe(0)
    await expectGone(worker)
    expect(worker.output()).toMatch(/"event":"sys_shutdown"[^]*"event":"worker_stopped"/)
  },
)

test.each([
  ['demo', 'SIGTERM', 'itself', 0],
  ['dev', 'SIGINT', 'group', 0],
  ['dev', 'SIGKILL', 'itself', 137],
] as const)(
  'npm run %s serves pages, and after %s (to: %s) no process is left [V3]',
  async (script, signal, receiver, code) => {
    const port = await freePort()
    const embedded = script === 'demo' ? { DATABASE_URL: '', SMTP_URL: '' } : {}
    const env = { ...settings(port), ...embedded, PUBLIC_URL: `http://localhost:${port}` }
    const demo = start(['npm', 'run', script], env)
    await demo.prints(/is running at/)
    // The dev server starts processes of its own for the first page.
    const page = () => fetch(`http://localhost:${port}/forgot-password/`).catch(() => undefined)
    await expect.poll(async () => (await page())?.status, { timeout: 150_000 }).toBe(200)
    demo.signal(signal, receiver)
    expect(await demo.ended).toBe(code)
    await expectGone(demo, port)
    expect(demo.output()).toMatch(/"event":"sys_shutdown"/)
  },
)

test('a service that a shell started in the background continues after the shell has ended [V3]', async () => {
  const port = await freePort()
  const shell = start(['sh', '-c', 'nohup npm start & sleep 2'], settings(port))
  expect(await shell.ended).toBe(0)
  await shell.prints(/worker_started/)
  // Longer than the interval in which the service checks its parent processes.
  await pause(3_000)
  expect((await fetch(`http://127.0.0.1:${port}/api/health/ready`)).status).toBe(200)
  shell.signal('SIGTERM', 'group')
  await expectGone(shell, port)
})

describe('commands that are stopped before they are ready', () => {
  /** The connections of a database that accepts them and sends nothing. */
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)))
  let port: number
  beforeAll(async () => {
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    port = (silent.address() as AddressInfo).port
  })
  afterEach(() => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  })
  afterAll(() => void silent.close())

  test.each([
    ['start', 'SIGTERM', 143],
    ['worker', 'SIGTERM', 143],
    ['migrate', 'SIGTERM', 143],
    ['accounts -- list', 'SIGINT', 130],
  ] as const)('npm run %s ends at %s while it waits for its database [V3]', async (script, signal, code) => {
    const env = { ...settings(await freePort()), DATABASE_URL: `postgresql://rekey@127.0.0.1:${port}/rekey` }
    const waiting = start(['npm', 'run', ...script.split(' ')] as ['npm', ...string[]], env)
    await expect.poll(() => sockets.size, { timeout: 60_000 }).toBeGreaterThan(0)
    waiting.signal(signal)
    expect(await waiting.ended).toBe(code)
    await expectGone(waiting)
    // It ended by the signal, not by a timeout.
    expect(waiting.output()).not.toMatch(/answer|timeout|migrated/i)
  })

  test('npm run demo ends at SIGTERM while it opens its database [V3]', async () => {
    const data = mkdtempSync(path.join(directory, 'demo-'))
    const env = { ...settings(await freePort()), DATABASE_URL: '', SMTP_URL: '', DATA_DIR: data }
    const demo = start(['npm', 'run', 'demo'], env)
    await expect.poll(() => existsSync(path.join(data, 'database')), { timeout: 60_000 }).toBe(true)
    demo.signal('SIGTERM')
    expect([0, 143]).toContain(await demo.ended)
    await expectGone(demo)
  })

  test('npm run build and npm test end at SIGTERM with all programs that they run [V3]', async () => {
    const sources = copiedSources()
    try {
      for (const [script, runs] of [
        ['build', /next\/dist\/bin\/next/],
        ['test', /vitest.*(unit|workers)/],
      ] as const) {
        const env = { DATA_DIR: sources }
        const busy = start(['npm', 'run', script, ...(script === 'test' ? ['--', 'unit'] : [])], env, sources)
        await expect.poll(() => busy.left().join('\n'), { timeout: 120_000, interval: 200 }).toMatch(runs)
        busy.signal('SIGTERM')
        expect(await busy.ended).toBe(143)
        await expectGone(busy)
      }
    } finally {
      rmSync(sources, { recursive: true, force: true })
    }
  })
})
