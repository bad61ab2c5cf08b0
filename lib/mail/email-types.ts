import type { Language } from '@/lib/i18n/locales'

export type ServiceFacts = {
  appName: string
  /** Scheme, host and port of PUBLIC_URL. */
  publicOrigin: string
  /** PUBLIC_URL, which may have a path, without a trailing slash. */
  publicUrl: string
  supportEmail?: string | undefined
  signInUrl?: string | undefined
  /** `#rrggbb`; its contrast may be low. */
  brandColor?: string | undefined
}

/** The account of an email. Its texts are untrusted: a template must not render them as HTML, as links or like a message of the service. */
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
  link: string
  expiresAt: Date
  /** The whole minutes from the request to the expiry of the link. */
  lifeMinutes: number
  /** The URL of "this wasn't me". */
  cancelLink?: string | undefined
}

export type ChangedEmailFacts = {
  locale: Language
  service: ServiceFacts
  account: EmailAccount
  changedAt: Date
  /** The client's network, such as `203.0.113.0/24`; undefined if it is unknown. */
  client?: string | undefined
  /** The URL of "this wasn't me"; undefined if the account's email address has changed since. */
  cancelLink?: string | undefined
}

export type RenderedEmail = { subject: string; html: string; text: string }

/** The email templates. `rekey.config.ts` may replace the default ones. */
export type EmailTemplates = {
  reset(facts: ResetEmailFacts): Promise<RenderedEmail>
  changed(facts: ChangedEmailFacts): Promise<RenderedEmail>
}
