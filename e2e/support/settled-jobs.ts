import type pg from 'pg'
import { expect, vi } from 'vitest'
import { notificationChannel } from '@/lib/queue/notifications'
import type { RunningApp } from './running-app'

/** Waits until every job has ended; one that waits for its next attempt has not. */
export async function settled({ sql }: { sql: pg.Pool | pg.Client }, withinMs = 30_000): Promise<void> {
  const expectNone = async () => {
    const { rows } = await sql.query(
      `SELECT name, state, data, retry_count, output FROM rekey_queue.job WHERE state < 'completed'`,
    )
    expect(rows).toEqual([])
  }
  // `expect.poll` works only in tests, and hooks call this function, too.
  await vi.waitFor(expectNone, { timeout: withinMs, interval: 100 })
}

/** Waits until every job has ended, without the delays between attempts. */
export async function settledSoon(app: Pick<RunningApp, 'sql'>, withinMs = 60_000): Promise<void> {
  const retrying = setInterval(() => void retryNow(app).catch(() => undefined), 500)
  await settled(app, withinMs).finally(() => clearInterval(retrying))
}

/** Heartbeats come every five seconds. The queue would wait for twenty. */
async function retryNow({ sql }: Pick<RunningApp, 'sql'>): Promise<void> {
  await sql.query(
    `UPDATE rekey_queue.job SET state = 'retry', start_after = now(), heartbeat_on = NULL
      WHERE state = 'active' AND heartbeat_on < now() - interval '8 seconds' OR state = 'retry' AND start_after > now()`,
  )
  await wakeWorkers({ sql })
}

/** Lets workers look for due jobs now; otherwise they poll every few seconds. */
export async function wakeWorkers({ sql }: Pick<RunningApp, 'sql'>): Promise<void> {
  await sql.query('SELECT pg_notify($1, name) FROM rekey_queue.queue', [notificationChannel('rekey_queue')])
}
