import type { Settings } from '@/lib/config/settings'
import { monitoringConnections, openDatabase } from '@/lib/database/pool'
import type { Log } from '@/lib/logging/log'
import { watchMailHealth } from '@/lib/mail-health/reports'
import { createMailStateStore } from '@/lib/mail-health/state'
import { startStoringMetrics } from '@/lib/metrics/reporter'
import { createMetricsStore } from '@/lib/metrics/store'
import type { Handle } from './handle'
import { createMailHealthHandler, mailHealthPath } from './mail-health-endpoint'
import { createMetricsHandler, metricsPath } from './metrics-endpoint'
import { isFromDoctor, proxiesPath, sendProxyCount } from './proxies-endpoint'

/**
 * Starts the monitoring of a web process, on database connections of its own, so that requests keep theirs. Logs what stops all emails,
 * because there may be no worker that could.
 */
export function startMonitoring(
  settings: Pick<
    Settings,
    'database' | 'healthToken' | 'metricsToken' | 'basePath' | 'secrets' | 'trustedProxyHops'
  >,
  log: Log,
) {
  const database = openDatabase({ ...settings.database, poolSize: monitoringConnections }, log)
  const mailState = createMailStateStore(database)
  const store = createMetricsStore(database)
  const mailWatch = watchMailHealth({ state: mailState, log })
  const reports = startStoringMetrics({ add: store.add, kind: 'web', log })
  const { healthToken, metricsToken, basePath } = settings

  const served = new Map<string, Handle>()
  if (healthToken !== undefined)
    served.set(`${basePath}${mailHealthPath}`, createMailHealthHandler(mailState, healthToken, log))
  if (metricsToken !== undefined)
    served.set(
      `${basePath}${metricsPath}`,
      createMetricsHandler({ store, mailState, ownReport: reports.age, token: metricsToken, log }),
    )

  return {
    serve(handle: Handle): Handle {
      return (request, response) => {
        const path = pathOf(request.url)
        if (path === `${basePath}${proxiesPath}` && isFromDoctor(request, settings.secrets))
          return sendProxyCount(request, response, settings.trustedProxyHops)
        return (served.get(path) ?? handle)(request, response)
      }
    },
    async close(): Promise<void> {
      await mailWatch.stop()
      await reports.stop()
      await database.close()
    },
  }
}

function pathOf(url = ''): string {
  return url.split('?', 1)[0]!.replace(/\/$/, '')
}
