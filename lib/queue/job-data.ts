import { z } from 'zod'
import { maxAccountIdLength } from '@/lib/config/account-id'

/** The latest time that a job may name, in seconds since the epoch: the last second of the year 9999. */
const latest = 253_402_300_799

const accountId = z.string().min(1).max(maxAccountIdLength)
const origin = { locale: z.string(), requestId: z.string() }

/**
 * The schema of each queue's jobs. Jobs contain no links: the worker signs a link when it sends the email. A job that does
 * not match its schema was not written by this version of Rekey. It fails at once, because a retry cannot help.
 */
export const jobSchemas = {
  /**
   * A request for a link, by a typed login or for a known account. `client`: the client's IP address, or `unknown`. `bypassPause`: the
   * request comes from "this wasn't me", so neither the pause nor the limits of the account's emails hold its email back.
   */
  'link-request': z.object({
    target: z.union([z.object({ login: z.string() }), z.object({ accountId })]),
    client: z.string(),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /**
   * An email with a link for one account. `accountId` is null if a request found no account: the worker then does the work of an
   * email and sends none. `requestedAt`: when the request was stored, in whole seconds since the epoch by the database's clock.
   * `bypassPause`: as in the request.
   */
  'link-email': z.object({
    accountId: accountId.nullable(),
    requestedAt: z.int().min(0).max(latest),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /**
   * The email about a changed password. Its job is stored in the transaction that changes the password: the job is as old as the change.
   * `email`: the account's address at that time.
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

export const queueNames = Object.keys(jobSchemas) as QueueName[]
