import type { Database } from '@/lib/database/pool'
import { canonicalEmail } from '@/lib/addresses/email-address'
import { clientKey, ipv6SiteKey } from '@/lib/addresses/client-ip'
import { composedUsername } from '@/lib/text/username'

type Parts = {
  pool: Database['pool']
  /** The quoted name of the table of counts. */
  table: string
  pseudonym(text: string): string
}

/**
 * Creates the functions that lift limits. Each reads the whole table of counts, so it is for a command, not for an HTTP request. Processes
 * may reject requests for a second longer (`createRefusalMemory`).
 */
export function createLimitLifter({ pool, table, pseudonym }: Parts) {
  /** Deletes the counts of an account: requests for its logins, emails to its mailbox, and new links by "this wasn't me". */
  async function liftAccount({ id, username, email }: { id: string; username: string; email: string }) {
    const logins = [composedUsername(username), canonicalEmail(email) ?? composedUsername(email)]
    const mailbox = pseudonym(`mailbox ${canonicalEmail(email) ?? email}`)
    await deleteCounts(
      `"key" = $1 OR EXISTS (SELECT FROM unnest($2::text[]) prefix WHERE starts_with("key", prefix))`,
      [
        `restartsPerAccount:${pseudonym(id)}`,
        [
          ...logins.filter((login) => login !== '').map((login) => `requestsPerLogin:${pseudonym(login)} `),
          `emailsPerMailbox:${mailbox} `,
          `mailboxTurns:${mailbox} `,
        ],
      ],
    )
  }

  /** Deletes the counts of a client's key (`clientKey`), and that of its /48. @param client an IP address */
  async function liftClient(client: string): Promise<void> {
    const from = clientKey(client)
    await deleteCounts(`right("key", length($1) + 1) IN (' ' || $1, ':' || $1) OR "key" = $2`, [
      from,
      `requestsPerSite:${ipv6SiteKey(client) ?? ''}`,
    ])
  }

  async function deleteCounts(where: string, values: unknown[]): Promise<void> {
    // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted, `where` is one of two texts
    await pool.query(`DELETE FROM ${table} WHERE ${where}`, values)
  }

  return { liftAccount, liftClient }
}
