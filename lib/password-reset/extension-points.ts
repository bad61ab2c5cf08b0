import type { Account, LoginFields } from '@/lib/accounts/accounts'
import type { Transaction } from '@/lib/database/pool'
import type { LetterText, Letters } from '@/lib/mail/email-types'
import type { SendOutcome } from '@/lib/mail/delivery-result'
import type { Link } from './reset-link'

/** What a reset request looked like from outside, for functions of a team's own. */
export type ResetRequest = {
  /** The client's address in canonical form, or `unknown`. */
  client: string
  headers: Headers
  /** All fields of the body but those of the password, as received. */
  fields: Record<string, unknown>
}

/**
 * What a team may replace with its own code. Each has a default that needs no configuration.
 *
 * What the worker runs has a time: a minute for `findAccounts` and for `passwordChanged`, eleven and a half for a letter as a
 * whole (`buildVerificationUrl`, `letters` and `sendLetter`, in which `deliver` alone may take eleven). A function that is late
 * is tried again later; it cannot be stopped and goes on beside its next run. Let it end by itself, with a time for whatever it
 * waits for. A letter that is late eight times is given up, since each time it may have left.
 */
export type Configuration = {
  /**
   * Which accounts a typed login names (DRR: SEND_RESET_PASSWORD_LINK_USER_FINDER). `findByLogin` is the default.
   * Runs in the worker; what it costs is not felt by the person who asks. Of many accounts, twenty get a letter: that of the
   * username which was typed, then the oldest, by the time in their ids.
   */
  findAccounts?: (
    login: string,
    fields: LoginFields,
    findByLogin: (login: string, fields: LoginFields) => Promise<Account[]>,
  ) => Promise<Account[]>
  /**
   * Turns the body of send-reset-password-link into the login that is looked up
   * (DRR: SEND_RESET_PASSWORD_LINK_SERIALIZER_CLASS), before the fields are checked. Integers come as `bigint`; nothing is
   * nested more than 32 deep.
   */
  linkRequestShape?: (body: Record<string, unknown>) => Record<string, unknown>
  /**
   * Sends a rendered letter (DRR: RESET_PASSWORD_VERIFICATION_EMAIL_SENDER). `deliver` is the default. May run twice for
   * one letter after a crash, with the same `id`. `maybeDelivered` in a failure says that the letter may have left.
   */
  sendLetter?: (
    letter: { id: string; to: string; text: LetterText; account: Account },
    deliver: () => Promise<SendOutcome>,
  ) => Promise<SendOutcome>
  /** Replaces one or both letters (DRR: RESET_PASSWORD_VERIFICATION_EMAIL_TEMPLATES). */
  letters?: Partial<Letters>
  /** The address that a letter carries (DRR: VERIFICATION_URL_BUILDER). `standard` is the default. */
  buildVerificationUrl?: (link: Link, standard: string) => string
  /** The JSON of an answer 200 (DRR: SUCCESS_RESPONSE_BUILDER). */
  buildSuccessResponse?: (detail: string) => Record<string, unknown>
  /**
   * Ends the account's sessions, refresh and remember-me tokens, within the transaction that replaces the password and
   * through `tx` alone. A throw undoes the reset. The transaction runs at READ COMMITTED, and once more where PostgreSQL
   * undid it because of another one. Name the schema of each table: `DELETE FROM "public"."sessions" …`.
   */
  revokeSessions?: (tx: Transaction, account: Account) => Promise<void>
  /** Tells stores outside the database of a new password. Run by the worker, at least once, retried for a week. */
  passwordChanged?: (account: Pick<Account, 'id' | 'username'>) => Promise<void>
  /**
   * Asked before a password is replaced, after the link and the policy have passed. False refuses, and the link stays
   * alive; use it where accounts have a second factor, which a mailed link alone must not get around.
   *
   * It is asked at most ten times for one link, from however many clients, and within LIMIT_ATTEMPTS_PER_LINK by one
   * client. Once the ten are spent, the refusal is `second-factor-exhausted`, and a new link is needed. How many links
   * there are, LIMIT_LETTERS_PER_ACCOUNT says. A limit of an account's own across links is the function's to keep.
   */
  secondFactor?: (account: Account, request: ResetRequest) => Promise<boolean>
}

/** Gives `rekey.config.ts` its types. */
export function defineConfiguration(configuration: Configuration): Configuration {
  return configuration
}
