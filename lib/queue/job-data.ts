import { z } from 'zod'
import { maxAccountIdLength } from '@/lib/config/account-id'

/** The latest accepted time: the last second of the year 9999, which is still a valid date. */
const latest = 253_402_300_799

const accountId = z.string().min(1).max(maxAccountIdLength)
const origin = { locale: z.string(), requestId: z.string() }

/**
 * The schema of each queue's jobs. Jobs contain no links: the worker signs a link when it sends the email. A job that does
 * not match was not written by this version of Rekey; it fails at once, because a retry cannot help.
 */
export const jobSchemas = {
  /** A link was requested. `bypassPause`: send even while "this wasn't me" pauses the account's emails. */
  'link-request': z.object({
    target: z.union([z.object({ login: z.string() }), z.object({ accountId })]),
    client: z.string(),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /**
   * An email with a link for one account. `accountId` is null if a request found no account: the worker then does the work of an
   * email and sends none. `requestedAt` in whole seconds since the epoch, by the database's clock.
   */
  'link-email': z.object({
    accountId: accountId.nullable(),
    requestedAt: z.int().min(0).max(latest),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /**
   * The email about a changed password. Stored in the same transaction, so that the job's creation is the time of the
   * change. `email`: the account's address at that time.
   */
  'changed-email': z.object({
    accountId,
    email: z.string(),
    client: z.string(),
    ...origin,
  }),
  /** A call of the extension point `passwordChanged`. */
  'changed-hook': z.object({ accountId, username: z.string(), requestId: z.string() }),
}

export type JobData = { [Name in keyof typeof jobSchemas]: z.infer<(typeof jobSchemas)[Name]> }

export type QueueName = keyof JobData
