import type { Language } from '@/lib/i18n/locales'

/** The content of an email, for both HTML and plain text. */
export type EmailContent = {
  language: Language
  subject: string
  /** The preview text that mail programs show beside the subject. */
  preview: string
  appName: string
  /** `#rrggbb`. */
  brandColor?: string | undefined
  title: string
  greeting: string
  blocks: EmailBlock[]
  footer: Paragraph[]
}

export type Paragraph = {
  kind: 'paragraph'
  text: string
  /** An email address within `text`, whose first occurrence becomes a link. */
  address?: string | undefined
}

export type EmailFact = {
  label: string
  value: string
  /** Untrusted input must not become a link or read like a message. */
  untrusted: boolean
}

export type EmailAction = {
  kind: 'action'
  /** Shown before the button; in plain text, in place of the label. */
  lead?: string
  label: string
  href: string
  weight: 'main' | 'quiet'
}

export type EmailBlock =
  | Paragraph
  | EmailAction
  | { kind: 'heading'; text: string }
  | { kind: 'facts'; facts: EmailFact[] }
  /** The main link as text, for people who cannot use the button; absent in plain text. */
  | { kind: 'link-text'; lead: string; href: string }
