import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runScriptToEnd, startScript } from '@/scripts/stop-signals.js'
import type { BenchDatabase } from './database'
import type { Reply } from './programs/orders'

/** Milliseconds of one tick of processor time in /proc. */
const tick = 10

/** Returns the fields after the name, which may contain any character; undefined if the process has ended. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return undefined
  }
}

/** Returns milliseconds; 0 if the process has ended. */
export function cpuOfProcess(pid: number): number {
  const fields = statOf(pid)
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * tick
}

function processesIn(group: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.[2] === String(group))
}

/** A script and its descendants. */
export type ProcessGroup = {
  /** Empty without an HTTP server. */
  url: string
  /** Milliseconds of processor time of the running processes. */
  cpu(): number
  /** Bytes, with each process's share of shared pages (PSS). */
  memory(): number
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

type Start = {
  script: string
  args?: string[]
  env?: Record<string, string>
  url?: string
  /** Called until it resolves with true. */
  isReady: (output: () => string) => Promise<boolean>
}

const cleanups: (() => Promise<unknown>)[] = []

/** Registers a function for {@link endAll} to call. */
export function onEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup)
}

/** Calls the functions of {@link onEnd}, the newest first: a process ends before its database. */
export async function endAll(): Promise<void> {
  for (let next = cleanups.pop(); next !== undefined; next = cleanups.pop())
    await next().catch((error: unknown) => console.error(error))
}

const logs = mkdtempSync(path.join(tmpdir(), 'rekey-bench-'))
let started = 0

/** Waits until the script is ready. @throws Error with its output, if it ends before, or is not ready within a minute */
export async function startProcessGroup({
  script,
  args = [],
  env = {},
  url = '',
  isReady,
}: Start): Promise<ProcessGroup> {
  const file = path.join(logs, `${(started += 1)}.log`)
  const out = openSync(file, 'a')
  const child = startScript(script, args, {
    // Settings of this environment must not change what is measured.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', out, out],
  })
  const group = child.pid!
  onEnd(stop)
  const output = () => readFileSync(file, 'utf8')
  const deadline = Date.now() + 60_000
  while (!(await isReady(output))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline)
      throw new Error(`${script} did not start:\n${output().slice(-4000)}`)
    await wait(20)
  }
  return {
    url,
    cpu: () => processesIn(group).reduce((sum, pid) => sum + cpuOfProcess(pid), 0),
    memory: () => processesIn(group).reduce((sum, pid) => sum + memoryOf(pid), 0),
    signal: (signal) => process.kill(-group, signal),
    stop,
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    // After SIGSTOP, a process would not handle SIGTERM.
    process.kill(-group, 'SIGCONT')
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

function memoryOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) * 1024
  } catch {
    return 0 // the process has ended
  }
}

export type AppOptions = {
  database: BenchDatabase
  smtpUrl: string
  env?: Record<string, string>
}

export const secretKey = randomBytes(32).toString('base64url')

function settingsOf({ database, smtpUrl, env }: AppOptions, url: string): Record<string, string> {
  return {
    SECRET_KEY: secretKey,
    DATABASE_URL: database.url,
    REKEY_SHARED_SESSION: database.kind === 'embedded' ? 'yes' : '',
    DATA_DIR: path.join(logs, 'data'),
    PUBLIC_URL: url,
    SMTP_URL: smtpUrl,
    VERIFICATION_FROM_EMAIL: 'Rekey <no-reply@rekey.example>',
    HOST: '127.0.0.1',
    WEB_CONCURRENCY: '1',
    // The load plays the proxy, so that its requests can come from many clients.
    TRUSTED_PROXY_HOPS: '1',
    ...env,
  }
}

/** Starts `npm start`, by default with one web process and no worker. */
export async function startApp(options: AppOptions): Promise<ProcessGroup> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  return startProcessGroup({
    script: 'scripts/run.js',
    args: ['start'],
    env: { WORKER: 'off', PORT: String(port), ...settingsOf(options, url) },
    url,
    isReady: async () => (await statusOf(`${url}/api/health/ready`)) === 200,
  })
}

/** @param url the URL of the app, to which the links in emails lead */
export async function startWorker(options: AppOptions, url: string): Promise<ProcessGroup> {
  return startProcessGroup({
    script: 'scripts/run.js',
    args: ['worker'],
    env: settingsOf(options, url),
    isReady: async (output) => output().includes('worker_started'),
  })
}

/** Starts the peers' Next app, in which better-auth needs PEER_DATABASE_URL. */
export async function startPeers(env: Record<string, string> = {}): Promise<ProcessGroup> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  return startProcessGroup({
    script: 'bench/peers/node_modules/next/dist/bin/next',
    args: ['start', 'bench/peers', '-H', '127.0.0.1', '-p', String(port)],
    env: {
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      PEER_URL: url,
      PEER_SECRET: secretKey,
      ...env,
    },
    url,
    isReady: async () => (await statusOf(url)) === 200,
  })
}

/** @throws Error with the script's output, if it fails */
export async function runPeerScript(script: string, env: Record<string, string>): Promise<void> {
  const { code, output } = await runScriptToEnd(script, [], { env: { ...process.env, ...env }, quiet: true })
  if (code !== 0) throw new Error(`${script} failed:\n${output.slice(-4000)}`)
}

export type Program<Order, Result> = {
  /** Send the next order only after the result. @throws Error if the program fails */
  order(order: Order): Promise<Result>
  /** Milliseconds of processor time. */
  cpu(): number
}

/** Starts a program of `bench/programs/`, which {@link endAll} ends. */
export function startProgram<Order extends object, Result>(
  name: string,
  args: string[] = [],
): Program<Order, Result> {
  const child = startScript(`dist/bench/programs/${name}.js`, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onEnd(async () => child.kill())
  let answer: (reply: Reply<Result>) => void = () => undefined
  child.on('message', (reply: Reply<Result>) => answer(reply))
  child.on('exit', () => answer({ error: `The program ${name} ended.` }))
  return {
    async order(order) {
      const reply = await new Promise<Reply<Result>>((resolve) => {
        answer = resolve
        child.send(order)
      })
      if ('error' in reply) throw new Error(reply.error)
      return reply.result
    },
    cpu: () => cpuOfProcess(child.pid!),
  }
}

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function statusOf(url: string): Promise<number | undefined> {
  return fetch(url).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status
    },
    () => undefined,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
