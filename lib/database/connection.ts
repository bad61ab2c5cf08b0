import pg from 'pg'

/** Milliseconds to wait for a connection. */
const connectTimeout = 5_000

/**
 * Opens a connection outside the pool. A session that ends is reported by the next statement; without a listener, the process
 * would end at once.
 *
 * @param queryTimeout milliseconds to wait for the response to a query; by default without limit
 * @throws if the database does not answer
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
  client.on('error', () => undefined)
  await client.connect()
  return client
}
