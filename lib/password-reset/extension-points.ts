import type { Account } from '@/lib/accounts/account'
import type { LoginAttributes } from '@/lib/accounts/account-store'
import type { UsersMapping } from '@/lib/accounts/users-table'
import type { PrismaTransaction } from '@/lib/database/pool'
import type { RenderedEmail, EmailTemplates } from '@/lib/mail/email-types'
import type { SendOutcome } from '@/lib/mail/delivery-result'
import type { Link } from './reset-link'

/** The HTTP request that sets a new password. */
export type ResetPasswordRequest = {
  /** The client's IP address in canonical form, or `unknown`. */
  client: string
  headers: Headers
  /** The fields of the body, except those whose names begin with `password`; numbers as `JSON.parse` returns them. */
  fields: Record<string, unknown>
}

/**
 * A team's own configuration.
 *
 * Functions in the worker have a deadline: one minute for `findResettableAccounts` and `passwordChanged`, eleven and a half minutes for
 * a whole email (`buildVerificationUrl`, `emails` and `sendEmail` together). The job of a late function is retried while the function may
 * still run: set a timeout for everything that it waits for. An email that is late eight times is given up.
 */
export type RekeyConfig = {
  /** The mapping of the table that has the accounts; by default Rekey's own table. */
  users?: UsersMapping
  /**
   * Finds the accounts of a typed login (DRR: SEND_RESET_PASSWORD_LINK_USER_FINDER). `findByLogin` is the default. Runs in the worker;
   * with RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND also before the response. At most twenty accounts receive an email: first those with
   * the typed username, then those with the lowest ids.
   */
  findResettableAccounts?: (
    login: string,
    fields: LoginAttributes,
    findByLogin: (login: string, fields: LoginAttributes) => Promise<Account[]>,
  ) => Promise<Account[]>
  /**
   * Transforms the body of send-reset-password-link before its validation (DRR: SEND_RESET_PASSWORD_LINK_SERIALIZER_CLASS). JSON
   * integers are `bigint` in it.
   */
  transformLinkRequest?: (body: Record<string, unknown>) => Record<string, unknown>
  /**
   * Sends a rendered email (DRR: RESET_PASSWORD_VERIFICATION_EMAIL_SENDER). `deliver` is the default. A retry has the same `id`. Return
   * `maybeDelivered` with a failure after which the email may still arrive. Without a result, the job fails and is retried.
   */
  sendEmail?: (
    email: { id: string; to: string; text: RenderedEmail; account: Account },
    deliver: () => Promise<SendOutcome>,
  ) => Promise<SendOutcome>
  /**
   * Replaces one or both email templates (DRR: RESET_PASSWORD_VERIFICATION_EMAIL_TEMPLATES). Texts of the account may be empty. `reset`
   * also runs for an invented account, whose email is not sent.
   */
  emails?: Partial<EmailTemplates>
  /** Builds the URL of a reset link (DRR: VERIFICATION_URL_BUILDER). `standard` is the default. */
  buildVerificationUrl?: (link: Link, standard: string) => string
  /** Builds the JSON body of a successful response (DRR: SUCCESS_RESPONSE_BUILDER). `detail` is the message of the default body. */
  buildSuccessResponse?: (detail: string) => Record<string, unknown>
  /**
   * Ends the account's sessions and tokens in the transaction that replaces the password (READ COMMITTED). Use only `tx`, and qualify each
   * table with its schema: `DELETE FROM "public"."sessions" …`. A throw rolls the reset back. After a conflict, it may run again.
   */
  revokeSessions?: (tx: PrismaTransaction, account: Account) => Promise<void>
  /** Notifies systems outside the database of a new password. Runs in the worker, at least once; retried for a week. */
  passwordChanged?: (account: Pick<Account, 'id' | 'username'>) => Promise<void>
  /**
   * Verifies a second factor once the link and the password are valid. False rejects the reset, and the link stays valid. Use it if
   * accounts have a second factor: a mailed link alone must not bypass it. Runs at most ten times for one link, and within
   * LIMIT_ATTEMPTS_PER_LINK for one client. The function itself must enforce a limit per account across links.
   */
  secondFactor?: (account: Account, request: ResetPasswordRequest) => Promise<boolean>
}

/** Types the default export of `rekey.config.ts`. */
export function defineConfig(configuration: RekeyConfig): RekeyConfig {
  return configuration
}
