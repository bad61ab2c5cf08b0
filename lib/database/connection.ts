import pg from 'pg'

/** Milliseconds to wait for a connection outside the pool. */
const connectTimeout = 5_000

/**
 * Opens a connection outside the pool; the caller ends it. If the session is lost, the next statement fails.
 *
 * @param queryTimeout milliseconds to wait for the response to a query; by default without limit
 * @throws if the URL names an unreadable certificate file, or the database does not respond or rejects the connection
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
