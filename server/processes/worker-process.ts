// The worker process, of `npm run worker` and of `npm start`.
import { connectionFailureReason } from '@/lib/database/errors'
import { createServices } from '@/services'
import { processSettings } from '@/lib/config/settings'
import { redirectConsole } from './console-log'
import { exitOnCrash } from './crash-handler'
import { surviveFullDisk } from './full-disk'
import { releaseMemoryWhenIdle } from './release-memory'
import { stopOnSignal } from './stop-signals'
import { startWorker } from './start-worker'

const services = createServices(processSettings())
const { log, database } = services
redirectConsole(log)
surviveFullDisk()

const worker: { stop?: () => Promise<void> } = {}
let stopping = false
// Called before the start, so that a signal also stops a worker that is not up yet.
const { stopNow } = stopOnSignal(async (signal) => {
  stopping = true
  // If there is a supervisor, it logs the shutdown.
  if (process.send === undefined) log.info({ event: 'sys_shutdown', signal }, 'stopping')
  await worker.stop?.()
  await database.close()
  log.info({ event: 'worker_stopped' })
})
// Without its supervisor, the worker stops: the next supervisor starts a worker of its own.
process.on('disconnect', stopNow)
if (process.send !== undefined && !process.connected) stopNow()

worker.stop = await startWorker(services).catch(cannotStart)
exitOnCrash(log, worker.stop)
releaseMemoryWhenIdle()
log.info({ event: 'worker_started' })
process.send?.({ ready: true })

function cannotStart(error: unknown): never {
  if (stopping) process.exit(0)
  log.fatal({ err: error, event: 'worker_cannot_start' })
  process.send?.({ cannotStart: `The worker cannot start: ${connectionFailureReason(error)}.` })
  process.exit(1)
}
