import { z } from 'zod'
import { maxAccountIdLength } from '@/lib/config/account-id'

/** The last second of the year 9999, in seconds since the epoch. */
const latest = 253_402_300_799

const accountId = z.string().min(1).max(maxAccountIdLength)
const origin = { locale: z.string(), requestId: z.string() }

/** The schema of each queue's jobs. Jobs contain no links, because the worker signs a link when it sends the email. */
export const jobSchemas = {
  /**
   * `client`: the client's IP address, or `unknown`. `bypassPause`: the request comes from "this wasn't me", so neither the pause nor the
   * limits of the account's emails hold its email back.
   */
  'link-request': z.object({
    target: z.union([z.object({ login: z.string() }), z.object({ accountId })]),
    client: z.string(),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /**
   * `accountId`: null if a request found no account, so that the email is only simulated. `requestedAt`: when the request was stored, in
   * seconds since the epoch by the database's clock.
   */
  'link-email': z.object({
    accountId: accountId.nullable(),
    requestedAt: z.int().min(0).max(latest),
    bypassPause: z.boolean(),
    ...origin,
  }),
  /** `email`: the address at the change. The job is as old as the change, because one transaction stores both. */
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
