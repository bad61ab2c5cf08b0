import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

/** A process of the built app without the supervisor, which a test kills and starts again. */
export type KillableProcess = {
  kind: 'web' | 'worker'
  /** Where a web process listens. */
  port: number
  /** When it was killed, by `performance.now()`. */
  kills: number[]
  output(): string
  pid(): number
  kill(): Promise<void>
  start(): Promise<void>
}

/** Milliseconds; on a busy machine, a process starts slowly. */
const patience = 60_000

/** Resolves when the process is ready. @param env as `appSettings` makes it */
export async function startKillable(
  kind: 'web' | 'worker',
  env: Record<string, string>,
  cwd = '.',
): Promise<KillableProcess> {
  let child: ChildProcess
  let output = ''
  const killable: KillableProcess = {
    kind,
    port: Number(env.PORT),
    kills: [],
    output: () => output,
    pid: () => child.pid!,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      killable.kills.push(performance.now())
      await once(child, 'exit')
    },
    async start() {
      child = fork(path.resolve(cwd, `dist/server/processes/${kind}-process.js`), {
        cwd,
        env: {
          ...env,
          NODE_ENV: 'production',
          REKEY_MODE: 'production',
          NEXT_TELEMETRY_DISABLED: '1',
        } as unknown as NodeJS.ProcessEnv,
        execArgv: [],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      })
      child.stdout!.on('data', (chunk) => (output += chunk))
      child.stderr!.on('data', (chunk) => (output += chunk))
      await untilReady(child, () => output)
    },
  }
  await killable.start()
  return killable
}

async function untilReady(child: ChildProcess, output: () => string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`Not ready in time:\n${output()}`)), patience)
  child.on('message', (report) => 'ready' in (report as object) && resolve())
  child.once('exit', () => reject(new Error(`Ended before it was ready:\n${output()}`)))
  try {
    await promise
  } finally {
    clearTimeout(timer)
  }
}
