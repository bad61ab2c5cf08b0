import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** Milliseconds within which a notification must come back. */
const patience = 1_000

/** Seconds between two looks at a queue: where notifications wake the worker too, or where nothing does. */
const polling = { withNotifications: 2, without: 2, embedded: 0.5 }

/**
 * Whether a notification reaches a connection that listens: sends one and waits for it. A pooler in transaction mode takes
 * LISTEN and delivers nothing (PgBouncer, "Features"); on the embedded database all clients share one session.
 *
 * @returns `heard`, and the seconds after which a worker should look for jobs by itself
 * @throws when the database does not answer
 */
export async function probeNotifications(url: string): Promise<{ heard: boolean; pollingSeconds: number }> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ embedded: boolean }>(
      `SELECT pg_catalog.version() LIKE '%PGlite%' AS "embedded"`,
    )
    if (rows[0]?.embedded === true) return { heard: false, pollingSeconds: polling.embedded }
    const heard = await hears(client, url)
    return { heard, pollingSeconds: heard ? polling.withNotifications : polling.without }
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function hears(client: pg.Client, url: string): Promise<boolean> {
  const channel = `rekey_probe_${randomBytes(8).toString('hex')}`
  const { promise, resolve } = Promise.withResolvers<boolean>()
  client.on('notification', (message) => message.channel === channel && resolve(true))
  // eslint-disable-next-line no-restricted-syntax -- LISTEN takes no parameters; the name is hexadecimal
  await client.query(`LISTEN "${channel}"`)
  const sender = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  })
  sender.on('error', () => undefined)
  const timer = setTimeout(resolve, patience, false)
  try {
    // From a connection of its own: a pooler may give a connection's own notifications back and no others.
    await sender.connect()
    await sender.query('SELECT pg_catalog.pg_notify($1, $2)', [channel, ''])
    return await promise
  } finally {
    clearTimeout(timer)
    // eslint-disable-next-line no-restricted-syntax -- the same name
    await client.query(`UNLISTEN "${channel}"`).catch(() => undefined)
    await sender.end().catch(() => undefined)
  }
}
