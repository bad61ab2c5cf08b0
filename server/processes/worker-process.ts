import { reasonOf } from '@/lib/database/errors'
import { createServices } from '@/services'
import { settings } from '@/lib/config/settings'
import { logConsole } from './console-log'
import { exitOnCrash } from './crash-handler'
import { stopOnSignal } from './stop-signals'
import { startWorker } from './start-worker'

/** A worker as a process of its own: `npm run worker`, and one beside the web processes of `npm start`. */
const services = createServices(settings())
const { log, database } = services
logConsole(log)

/** `stop` is there once the worker is up. */
const worker: { stop?: () => Promise<void> } = {}
let stopping = false
// From the start: a supervisor that ends before its worker is up would leave the worker behind.
const end = stopOnSignal(async (signal) => {
  stopping = true
  // Under a supervisor, that one says so.
  if (process.send === undefined) log.info({ event: 'sys_shutdown', signal }, 'stopping')
  await worker.stop?.()
  await database.close()
  log.info({ event: 'worker_stopped' })
})
// The supervisor is gone. The next one starts a worker of its own.
process.on('disconnect', end)
if (process.send !== undefined && !process.connected) end()

worker.stop = await startWorker(services).catch(cannotStart)
exitOnCrash(log, worker.stop)
log.info({ event: 'worker_started' })
process.send?.({ ready: true })

/** Tells the supervisor why, where there is one. */
function cannotStart(error: unknown): never {
  if (stopping) process.exit(0)
  log.fatal({ err: error, event: 'worker_cannot_start' })
  process.send?.({ cannotStart: `The worker cannot start: ${reasonOf(error)}.` })
  process.exit(1)
}
