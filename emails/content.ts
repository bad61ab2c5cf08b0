import type { Language } from '@/lib/i18n/locales'

/** A letter before it has a form: HTML and plain text are made from the same content, so they say the same. */
export type Content = {
  language: Language
  subject: string
  /** What mailboxes show beside the subject. */
  preview: string
  appName: string
  /** `#rrggbb`, in place of our own accent. */
  brandColor?: string | undefined
  title: string
  greeting: string
  blocks: Block[]
  /** Small print. */
  footer: Paragraph[]
}

export type Paragraph = {
  kind: 'paragraph'
  text: string
  /** An address within the text, to be made a link. */
  address?: string | undefined
}

export type Fact = {
  label: string
  value: string
  /** Somebody chose the value for themselves. */
  untrusted: boolean
}

export type Action = {
  kind: 'action'
  /** Says what the link is for; without it, the label does. */
  lead?: string
  label: string
  href: string
  weight: 'main' | 'quiet'
}

export type Block =
  | Paragraph
  | Action
  | { kind: 'heading'; text: string }
  | { kind: 'facts'; facts: Fact[] }
  /** The main link once more, for whoever cannot use a button; plain text has none. */
  | { kind: 'address'; lead: string; href: string }
