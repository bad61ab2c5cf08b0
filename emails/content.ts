import type { Language } from '@/lib/i18n/locales'

/** The content of an email. HTML and plain text are rendered from the same content, so that they cannot differ. */
export type EmailContent = {
  language: Language
  subject: string
  /** The preview text that mail programs show beside the subject. */
  preview: string
  appName: string
  /** `#rrggbb`, replaces the default accent. */
  brandColor?: string | undefined
  title: string
  greeting: string
  blocks: EmailBlock[]
  /** Small print. */
  footer: Paragraph[]
}

/** A paragraph of text. */
export type Paragraph = {
  kind: 'paragraph'
  text: string
  /** An email address within the text that becomes a link. */
  address?: string | undefined
}

/** A labelled value, such as the username. */
export type EmailFact = {
  label: string
  value: string
  /** The value is user input, so it must not become a link or a message. */
  untrusted: boolean
}

/** A button that leads to a link. */
export type EmailAction = {
  kind: 'action'
  /** Explains the link; without it, the label does. */
  lead?: string
  label: string
  href: string
  weight: 'main' | 'quiet'
}

/** A part of an email's body. */
export type EmailBlock =
  | Paragraph
  | EmailAction
  | { kind: 'heading'; text: string }
  | { kind: 'facts'; facts: EmailFact[] }
  /** The main link as text, for people who cannot use the button; omitted in plain text. */
  | { kind: 'link-text'; lead: string; href: string }
