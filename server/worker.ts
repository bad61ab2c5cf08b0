import { reasonOf } from '@/lib/database-errors'
import { createServices } from '@/lib/services'
import { settings } from '@/lib/settings'
import { exitOnCrash, logConsole } from './last-resort'
import { startWorker } from './work'

/** A worker as a process of its own: `npm run worker`, and one beside the web processes of `npm start`. */
const services = createServices(settings())
const { log, database } = services
logConsole(log)

/** `stop` is there once the worker is up. */
const worker: { stop?: () => Promise<void> } = {}
let stopping = false
async function end(): Promise<void> {
  if (stopping) return
  stopping = true
  await worker.stop?.()
  await database.close()
  log.info({ event: 'worker_stopped' })
  process.exit(0)
}

// Listened to from the start: a supervisor that is gone before its worker is up would leave it behind for ever.
process.on('SIGTERM', () => void end())
process.on('SIGINT', () => void end())
// The supervisor is gone: whoever starts the next one starts a new worker too.
process.on('disconnect', () => void end())
if (process.send !== undefined && !process.connected) void end()

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
