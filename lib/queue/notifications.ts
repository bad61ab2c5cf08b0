import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { openConnection } from '@/lib/database/connection'

/** Milliseconds. */
const queryTimeout = 5_000

/** Milliseconds. */
const notificationTimeout = 1_000

/** Returns the channel on which pg-boss listens for jobs. */
export function notificationChannel(queueSchema: string): string {
  return `pgboss_${createHash('sha224').update(queueSchema).digest('hex').slice(0, 24)}`
}

/**
 * Tests whether notifications of another connection arrive: a pooler in transaction mode accepts LISTEN but delivers nothing (PgBouncer,
 * "Features"). Throws if the database is unavailable.
 */
export async function notificationsArrive(url: string): Promise<boolean> {
  const client = await openConnection(url, { queryTimeout })
  try {
    return await receivesNotification(client, url)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function receivesNotification(client: pg.Client, url: string): Promise<boolean> {
  const channel = `rekey_probe_${randomBytes(8).toString('hex')}`
  const { promise, resolve } = Promise.withResolvers<boolean>()
  client.on('notification', (message) => message.channel === channel && resolve(true))
  // A second connection: a pooler may deliver a connection's own notifications and no others.
  const sender = await openConnection(url, { queryTimeout })
  let timer: NodeJS.Timeout | undefined
  try {
    // eslint-disable-next-line no-restricted-syntax -- LISTEN takes no parameters; the name is hexadecimal
    await client.query(`LISTEN "${channel}"`)
    timer = setTimeout(resolve, notificationTimeout, false)
    await sender.query('SELECT pg_catalog.pg_notify($1, $2)', [channel, ''])
    return await promise
  } finally {
    clearTimeout(timer)
    // eslint-disable-next-line no-restricted-syntax -- as above
    await client.query(`UNLISTEN "${channel}"`).catch(() => undefined)
    await sender.end().catch(() => undefined)
  }
}
