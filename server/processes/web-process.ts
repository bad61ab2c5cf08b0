// A web process of `npm start`, started by the supervisor.
import { createLog } from '@/lib/logging/log'
import { processSettings } from '@/lib/config/settings'
import { redirectConsole } from './console-log'
import { exitOnCrash } from './crash-handler'
import { surviveFullDisk } from './full-disk'
import { releaseMemoryWhenIdle } from './release-memory'
import { stopOnSignal } from './stop-signals'
import { startWeb, type RunningWeb } from './start-web'

const log = createLog(processSettings().logLevel, 'web')
redirectConsole(log)
surviveFullDisk()

let web: RunningWeb | undefined
// Called before the start, so that a signal also stops a process that is not ready yet.
stopOnSignal(async () => web?.close())

try {
  web = await startWeb({ settings: processSettings(), log, dev: false })
  exitOnCrash(log, web.close)
  releaseMemoryWhenIdle()
  process.send?.({ ready: true, port: web.port })
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  process.send?.({ cannotStart: reason }, () => process.exit(1))
}
