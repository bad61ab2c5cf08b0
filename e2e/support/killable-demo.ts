import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { exchange } from './exchange'

/** `npm run demo`, whose one process also runs the embedded database. */
export type KillableDemo = {
  output(): string
  start(): void
  /** @throws if the process ends before it serves, or does not serve within two minutes */
  ready(): Promise<void>
  /** Sends SIGKILL and resolves when the process is gone. */
  kill(): Promise<void>
}

/** @param env as `appSettings` makes it, with DATA_DIR and without DATABASE_URL */
export function killableDemo(env: Record<string, string>): KillableDemo {
  let child: ChildProcess | undefined
  let output = ''
  const hasEnded = () => child === undefined || child.exitCode !== null || child.signalCode !== null
  return {
    output: () => output,
    start() {
      child = spawn(process.execPath, ['scripts/run.js', 'demo'], {
        env: env as unknown as NodeJS.ProcessEnv,
      })
      for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += chunk))
    },
    async ready() {
      for (const began = performance.now(); performance.now() - began < 120_000;) {
        if (hasEnded()) throw new Error(`The demo ended before it served:\n${output}`)
        const answer = await exchange(Number(env.PORT), { method: 'GET', path: '/api/health/ready' }).catch(
          () => undefined,
        )
        if (answer?.status === 200) return
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error(`The demo did not serve within two minutes:\n${output}`)
    },
    async kill() {
      if (hasEnded()) return
      child!.kill('SIGKILL')
      await once(child!, 'exit')
    },
  }
}
