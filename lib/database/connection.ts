import pg from 'pg'

/** Milliseconds. */
const connectTimeout = 5_000

/**
 * Opens a connection outside the pool; the caller ends it.
 *
 * @param queryTimeout milliseconds; by default unlimited
 */
export async function openConnection(
  url: string,
  { queryTimeout }: { queryTimeout?: number } = {},
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeout,
    ...(queryTimeout !== undefined && { query_timeout: queryTimeout }),
  })
  // Without a listener, a lost session would end the process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
