import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { openServices } from '@/e2e/support/opened-services'
import { startWorker } from './start-worker'

test('a purge that fails is named in the log, and the other purges still run [L6]', async () => {
  const opened = await openServices()
  const { services } = opened
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const failing = { purge: () => Promise.reject(new Error('permission denied')) }
  const metrics = { ...services.metrics, purge: vi.fn(services.metrics.purge) }
  const stop = await startWorker({
    ...services,
    log,
    limits: { ...services.limits, ...failing },
    audit: { ...services.audit, ...failing },
    metrics,
  })
  await expect.poll(() => metrics.purge.mock.calls.length).toBe(1)
  await stop()
  await opened.close()
  const failed = lines.filter(({ event }) => event === 'purge_failed')
  expect(failed.map(({ purge }) => purge)).toEqual(['limits', 'audit'])
}, 60_000)
