import { randomUUID } from 'node:crypto'
import type { Log } from '@/lib/logging/log'
import type { ProcessKind } from './catalogue'
import { hasCounts, readProcessGauges, takeCounts } from './count'
import type { MetricsStore, ProcessReport } from './store'

/** In milliseconds. */
const reportTimes = {
  /** Between two reports with new counts. */
  interval: 2_000,
  /** Between two reports without new counts, which show that the process runs. */
  idle: 10_000,
  /** The longest time that `stop` waits for the last report. */
  lastReport: 2_000,
}

/**
 * Starts to store in the database what this process counts. While the database is unavailable, the counts stay in memory. A report that
 * failed is sent again unchanged, because it may have been stored although its response was lost.
 *
 * @returns `age`: milliseconds since the last stored report or, before the first one, since the start; `stop` sends a last report
 */
export function startStoringMetrics(
  { add, kind, log }: { add: MetricsStore['add']; kind: ProcessKind; log: Log },
  times = reportTimes,
): { age(): number; stop(): Promise<void> } {
  const process = randomUUID()
  let number = 0
  let pending: ProcessReport | undefined
  let sending: Promise<void> | undefined
  let lastSent = -Infinity
  const started = performance.now()

  function send(): Promise<void> {
    return (sending ??= attempt().finally(() => (sending = undefined)))
  }

  async function attempt(): Promise<void> {
    pending ??= { process, kind, number: ++number, counts: takeCounts(), gauges: readProcessGauges() }
    try {
      await add(pending)
      pending = undefined
      lastSent = performance.now()
    } catch (error) {
      log.debug({ err: error, event: 'metrics_not_stored' })
    }
  }

  const timer = setInterval(() => {
    if (pending !== undefined || hasCounts() || performance.now() - lastSent >= times.idle) void send()
  }, times.interval)
  timer.unref()
  void send()

  return {
    age: () => performance.now() - Math.max(started, lastSent),
    async stop() {
      clearInterval(timer)
      const patience = new Promise<void>((resolve) => setTimeout(resolve, times.lastReport).unref())
      await Promise.race([patience, (sending ?? Promise.resolve()).then(send)])
    },
  }
}
