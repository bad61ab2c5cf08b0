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
 * Deletes counts, so that the support can help a person who is limited. Each function reads the whole table, which is for a
 * command, not for a request. Web processes remember a rejection for a second longer.
 */
export function createLimitResets({ pool, table, pseudonym }: Parts) {
  /** Lifts what counts for an account: requests for its logins, emails to its mailbox, resets that "this wasn't me" starts. */
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

  /** Lifts whatever counts for a client. @param client an IP address */
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
