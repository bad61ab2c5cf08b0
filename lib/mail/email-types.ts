import type { Language } from '@/lib/i18n/locales'

/** What every letter needs to know about the service that sends it. */
export type Sender = {
  appName: string
  /** Scheme and host of this app. A letter names no other host but those of the settings: its link's page and the sign-in. */
  publicOrigin: string
  /** What links of this app begin with: PUBLIC_URL without a trailing slash, which may have a path. */
  publicUrl: string
  supportEmail?: string | undefined
  signInUrl?: string | undefined
  /** `#rrggbb`; made readable before it is used. */
  brandColor?: string | undefined
}

/** Text that people chose for themselves: whatever it contains must stay text, and must not become a message. */
export type LetterAccount = {
  username: string
  firstName: string
  /** Where the letter goes. */
  email: string
}

export type ResetLetterFacts = {
  locale: Language
  sender: Sender
  account: LetterAccount
  /** The link, absolute. */
  link: string
  expiresAt: Date
  /** Minutes from asking to expiry. */
  lifeMinutes: number
  /** Where "this wasn't me" leads, absolute. */
  cancelLink?: string | undefined
}

export type ChangedLetterFacts = {
  locale: Language
  sender: Sender
  account: LetterAccount
  changedAt: Date
  /** Roughly where the change came from: a shortened address such as `203.0.113.0/24`. */
  client?: string | undefined
  cancelLink?: string | undefined
}

export type LetterText = { subject: string; html: string; text: string }

/** Renders letters. The real one is in `emails/`; `rekey.config.ts` may replace it. */
export type Letters = {
  reset(facts: ResetLetterFacts): Promise<LetterText>
  changed(facts: ChangedLetterFacts): Promise<LetterText>
}
