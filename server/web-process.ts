import { createLog } from '@/lib/log'
import { settings } from '@/lib/settings'
import { exitOnCrash, logConsole } from './last-resort'
import { startWeb } from './web'

/** One of the processes of `npm start` that answer requests; the supervisor forks it. */
const log = createLog(settings().logLevel, 'web')
logConsole(log)

try {
  const web = await startWeb({ settings: settings(), log, dev: false })
  exitOnCrash(log, web.close)

  let closing = false
  const close = () => {
    if (closing) return
    closing = true
    void web.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)
  process.send?.({ ready: true, port: web.port })
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  process.send?.({ cannotStart: reason }, () => process.exit(1))
}
