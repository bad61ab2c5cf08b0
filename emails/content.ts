import type { Language } from '@/lib/i18n/locales'

/** The content of an email. HTML and plain text are rendered from the same content, so that both say the same. */
export type EmailContent = {
  language: Language
  subject: string
  /** The preview text that mail programs show beside the subject. */
  preview: string
  appName: string
  /** `#rrggbb`. It replaces the default accent, after an adjustment of its contrast. */
  brandColor?: string | undefined
  title: string
  greeting: string
  blocks: EmailBlock[]
  /** The small print below the body. */
  footer: Paragraph[]
}

export type Paragraph = {
  kind: 'paragraph'
  text: string
  /** An email address within `text`, whose first occurrence becomes a link. */
  address?: string | undefined
}

/** A labelled value, such as the username. */
export type EmailFact = {
  label: string
  value: string
  /** Whether the value is untrusted input. If so, templates must not let it become a link or read like a message. */
  untrusted: boolean
}

/** A button with a link. */
export type EmailAction = {
  kind: 'action'
  /** A text before the button that explains the link. The plain text of the email shows it in place of the label. */
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
  /** The main link as text, for people who cannot use the button. The plain text omits this block, because the action has the link. */
  | { kind: 'link-text'; lead: string; href: string }
