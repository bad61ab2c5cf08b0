import type { Language } from '@/lib/i18n/locales'

/** The facts about the service that sends an email, for templates. */
export type ServiceFacts = {
  appName: string
  /** Scheme and host of this app. Links in emails lead only to hosts from the settings. */
  publicOrigin: string
  /** The prefix of this app's links: PUBLIC_URL without a trailing slash; may have a path. */
  publicUrl: string
  supportEmail?: string | undefined
  signInUrl?: string | undefined
  /** `#rrggbb`; its contrast is adjusted before use. */
  brandColor?: string | undefined
}

/** The account that an email is about. Its texts are untrusted: they must stay plain text, and must not read as a message. */
export type EmailAccount = {
  /** Empty where the users table has no usernames. */
  username: string
  firstName: string
  /** The whole name, where the users table has one column for it; else empty. */
  name: string
  /** Tells several accounts with one email address apart; empty unless the mapping names a column for it. */
  label: string
  /** The recipient's address. */
  email: string
}

/** The facts for the email with a reset link. */
export type ResetEmailFacts = {
  locale: Language
  service: ServiceFacts
  account: EmailAccount
  /** Absolute URL of the reset link. */
  link: string
  expiresAt: Date
  /** Minutes from the request to expiry. */
  lifeMinutes: number
  /** Absolute URL of "this wasn't me". */
  cancelLink?: string | undefined
}

/** The facts for the email about a changed password. */
export type ChangedEmailFacts = {
  locale: Language
  service: ServiceFacts
  account: EmailAccount
  changedAt: Date
  /** The network that the change came from, such as `203.0.113.0/24`. */
  client?: string | undefined
  cancelLink?: string | undefined
}

/** A rendered email, as HTML and as plain text. */
export type RenderedEmail = { subject: string; html: string; text: string }

/** The email templates. The default ones are in `emails/`; `rekey.config.ts` may replace them. */
export type Emails = {
  reset(facts: ResetEmailFacts): Promise<RenderedEmail>
  changed(facts: ChangedEmailFacts): Promise<RenderedEmail>
}
