// `npm start`: starts and restarts the other processes. It handles no requests and no jobs, whose errors could crash it.
import { fork } from 'node:child_process'
import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import configuration from '@/rekey.config'
import { checkDatabase } from '@/lib/setup/preflight'
import { createLog } from '@/lib/logging/log'
import { processSettings, type Settings } from '@/lib/config/settings'
import { settingsWarnings } from '@/lib/config/warnings'
import { whyBuildUnfit } from '@/server/http/base-path'
import { surviveFullDisk } from './full-disk'
import { releaseMemoryWhenIdle } from './release-memory'
import { superviseProcess, type SupervisedProcessHandle } from './supervise-process'
import { stopOnSignal } from './stop-signals'

const environment = { NODE_ENV: 'production', REKEY_MODE: 'production' } as const

/** Limits the garbage of web processes. The operator's NODE_OPTIONS follow, and Node uses the last value of an option. */
const memoryOptions = '--max-semi-space-size=4 --max-old-space-size=512'

/** Compiled scripts are in one directory. */
const scriptOf = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

function giveUp(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

async function supervise(current: Settings, warnings: string[]): Promise<void> {
  const log = createLog(current.logLevel, 'supervisor')
  for (const warning of warnings) log.warn({ event: 'settings_warning' }, warning)

  const supervised: SupervisedProcessHandle[] = []
  let stopping: Promise<unknown> | undefined
  const stopAll = () => (stopping ??= Promise.all(supervised.map((process) => process.stop())))
  stopOnSignal((signal) => {
    log.info({ event: 'sys_shutdown', signal }, 'stopping')
    return stopAll()
  })
  const failed = (error: unknown) => void stopAll().then(() => giveUp(error))

  const keepWeb = (mustStart: boolean): SupervisedProcessHandle => {
    const options = `${memoryOptions} ${process.env.NODE_OPTIONS ?? ''}`
    const start = () => cluster.fork({ ...environment, NODE_OPTIONS: options }).process
    const web = superviseProcess({ name: 'web', start, log, mustStart })
    supervised.push(web)
    return web
  }
  const keepWorker = (): SupervisedProcessHandle => {
    const start = () => fork(scriptOf('worker-process'), { env: { ...process.env, ...environment } })
    const worker = superviseProcess({ name: 'worker', start, log, mustStart: true })
    supervised.push(worker)
    return worker
  }

  // Web processes accept connections themselves. Passing each on would cost a turn of two event loops, which delays health checks.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: scriptOf('web-process') })
  if (current.worker) keepWorker().up.catch(failed)
  // Only one web process at first, so that a failure to listen is reported only once.
  keepWeb(true)
    .up.then(({ port }) => {
      if (stopping !== undefined) return
      for (let more = 1; more < current.webConcurrency; more += 1) keepWeb(false)
      log.info({ event: 'sys_startup', port, webConcurrency: current.webConcurrency, worker: current.worker })
      process.stdout.write(`Rekey is serving on ${localUrlOf(current, port)}\n`)
    })
    .catch(failed)
}

function localUrlOf({ host, port, basePath }: Settings, actualPort = port): string {
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  const name = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${actualPort}${basePath}`
}

surviveFullDisk()
releaseMemoryWhenIdle()
try {
  Object.assign(process.env, environment)
  const current = processSettings()
  if (!existsSync('.next/BUILD_ID')) throw new Error('There is no build to serve; run `npm run build` first.')
  const unfit = whyBuildUnfit(current.basePath)
  if (unfit !== undefined) throw new Error(unfit)
  await supervise(current, [
    ...settingsWarnings(current),
    ...(await checkDatabase(current, configuration.users)),
  ])
} catch (error) {
  giveUp(error)
}
