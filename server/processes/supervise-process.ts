import type { ChildProcess } from 'node:child_process'
import type { Log } from '@/lib/logging/log'

/** Milliseconds. */
type SupervisionTimes = {
  firstDelay: number
  longestDelay: number
  /** A process that ran at least this long restarts after `firstDelay` again. */
  healthyAfter: number
  /** From SIGTERM to SIGKILL. */
  stopGrace: number
}

const supervisionTimes: SupervisionTimes = {
  firstDelay: 1_000,
  longestDelay: 30_000,
  healthyAfter: 60_000,
  stopGrace: 30_000,
}

/** The message in which a process tells its supervisor that it is up, or why it cannot start. */
type StartReport = { ready: true; port?: number } | { cannotStart: string }

type Options = {
  name: string
  start: () => ChildProcess
  log: Log
  /** Whether `up` rejects, without a restart, if the process dies before it was first up. */
  mustStart: boolean
  times?: Partial<SupervisionTimes>
}

export type SupervisedProcessHandle = {
  /** Resolves when the process reports for the first time that it is up. */
  up: Promise<{ port?: number | undefined }>
  /** Ends the process, and does not restart it. */
  stop(): Promise<void>
}

/** Starts a process, and restarts it when it dies, with a delay that doubles from `firstDelay` to `longestDelay`. */
export function superviseProcess({
  name,
  start,
  log,
  mustStart,
  times: given,
}: Options): SupervisedProcessHandle {
  const times = { ...supervisionTimes, ...given }
  const {
    promise: up,
    resolve: isUp,
    reject: isDown,
  } = Promise.withResolvers<{ port?: number | undefined }>()
  let wasUp = false
  let stopping = false
  let delay = times.firstDelay
  let restart: NodeJS.Timeout | undefined
  let child: ChildProcess | undefined
  let gone: Promise<void> = Promise.resolve()

  function launch(): void {
    const began = Date.now()
    let reason: string | undefined
    try {
      child = start()
    } catch (error) {
      // The cause, such as a lack of memory, may pass.
      if (mustStart && !wasUp) return isDown(error)
      log.error({ err: error, process: name, event: 'sys_process_error' })
      return again()
    }
    const { promise, resolve: isGone } = Promise.withResolvers<void>()
    gone = promise

    child.on('message', (report: StartReport) => {
      if (report === null || typeof report !== 'object') return
      if ('ready' in report) cameUp({ port: report.port })
      if ('cannotStart' in report) reason = report.cannotStart
    })
    // Without a listener, the error of a process that cannot be spawned would crash the supervisor.
    child.on('error', (error) => log.error({ err: error, process: name, event: 'sys_process_error' }))
    child.once('close', (code, signal) => {
      isGone()
      if (stopping) return
      if (mustStart && !wasUp)
        return isDown(new Error(reason ?? `The ${name} process ended before it was ready.`))
      if (Date.now() - began >= times.healthyAfter) delay = times.firstDelay
      log.error(
        { event: 'sys_crash', process: name, code, signal, reason, restartInMs: delay },
        'process died',
      )
      again()
    })
  }

  function again(): void {
    restart = setTimeout(launch, delay)
    delay = Math.min(delay * 2, times.longestDelay)
  }

  function cameUp(report: { port?: number | undefined }): void {
    if (wasUp) log.info({ event: 'sys_restart', process: name }, 'process is up again')
    wasUp = true
    isUp(report)
  }

  async function stop(): Promise<void> {
    stopping = true
    clearTimeout(restart)
    child?.kill('SIGTERM')
    const kill = setTimeout(() => {
      log.warn({ process: name, event: 'sys_killed' }, 'process did not stop in time')
      child?.kill('SIGKILL')
    }, times.stopGrace)
    await gone
    clearTimeout(kill)
  }

  launch()
  return { up, stop }
}
