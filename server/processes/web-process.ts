import { createLog } from '@/lib/logging/log'
import { settings } from '@/lib/config/settings'
import { logConsole } from './console-log'
import { exitOnCrash } from './crash-handler'
import { stopOnSignal } from './stop-signals'
import { startWeb, type Web } from './start-web'

/** One of the processes of `npm start` that answer requests; the supervisor forks it. */
const log = createLog(settings().logLevel, 'web')
logConsole(log)

let web: Web | undefined
// Before the start: while Next prepares, there is nothing to finish yet, and Next may have listeners of its own.
stopOnSignal(async () => web?.close())

try {
  web = await startWeb({ settings: settings(), log, dev: false })
  exitOnCrash(log, web.close)
  process.send?.({ ready: true, port: web.port })
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  process.send?.({ cannotStart: reason }, () => process.exit(1))
}
