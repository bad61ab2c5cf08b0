import type { Language } from '@/lib/i18n/locales'

/** The facts about the service that sends an email, for templates. */
export type ServiceFacts = {
  appName: string
  /** Scheme, host and port of PUBLIC_URL. */
  publicOrigin: string
  /** PUBLIC_URL, which may have a path, without a trailing slash. Links to this app start with it. */
  publicUrl: string
  supportEmail?: string | undefined
  signInUrl?: string | undefined
  /** `#rrggbb`. Rekey's templates adjust its contrast before use. */
  brandColor?: string | undefined
}

/**
 * The account that an email is about. Its texts are untrusted user input: a template must neither render them as HTML or as
 * links, nor let them read like a message of the service.
 */
export type EmailAccount = {
  /** Empty where the users table has no usernames. */
  username: string
  firstName: string
  /** The whole name, where the users table has one column for it; else empty. */
  name: string
  /** Tells several accounts with one email address apart; empty unless the users mapping names a column for it. */
  label: string
  email: string
}

export type ResetEmailFacts = {
  locale: Language
  service: ServiceFacts
  account: EmailAccount
  /** Absolute URL of the reset link. */
  link: string
  expiresAt: Date
  /** The lifetime of the link from its request to its expiry, in whole minutes. */
  lifeMinutes: number
  /** Absolute URL of "this wasn't me". */
  cancelLink?: string | undefined
}

export type ChangedEmailFacts = {
  locale: Language
  service: ServiceFacts
  account: EmailAccount
  changedAt: Date
  /** The client's network, such as `203.0.113.0/24`; undefined if it is unknown. */
  client?: string | undefined
  /** Absolute URL of "this wasn't me"; undefined if the account's email address has changed since. */
  cancelLink?: string | undefined
}

export type RenderedEmail = { subject: string; html: string; text: string }

/** The email templates. The default ones are in `emails/`; `rekey.config.ts` may replace them. */
export type EmailTemplates = {
  reset(facts: ResetEmailFacts): Promise<RenderedEmail>
  changed(facts: ChangedEmailFacts): Promise<RenderedEmail>
}
