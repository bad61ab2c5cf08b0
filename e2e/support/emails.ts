import { simpleParser } from 'mailparser'
import { emails } from '@/emails/templates'
import { languages, type Language } from '@/lib/i18n/locales'
import type { ChangedEmailFacts, RenderedEmail, ResetEmailFacts } from '@/lib/mail/email-types'

const query = 'user_id=019aa3f0-5b1c-7d2e-8f00-1a2b3c4d5e6f&timestamp=1795436000&signature='
export const link = `https://id.example.com/reset-password/?${query}${'Zk3p-_9Q'.repeat(21)}`
export const cancelLink = `https://id.example.com/cancel/?${query}${'Cc4q-_8R'.repeat(21)}`
export const service = {
  appName: 'Acme',
  publicOrigin: 'https://id.example.com',
  publicUrl: 'https://id.example.com',
  supportEmail: 'Acme Help <help@acme.example>',
}
export const account = {
  username: 'jane',
  firstName: 'Jane',
  name: '',
  label: '',
  email: 'jane@mail.example',
}

export function reset(facts: Partial<ResetEmailFacts> = {}): Promise<RenderedEmail> {
  return emails.reset({
    locale: 'en',
    service,
    account,
    link,
    expiresAt: new Date('2026-11-24T14:30:59Z'),
    lifeMinutes: 60,
    ...facts,
  })
}

export function changed(facts: Partial<ChangedEmailFacts> = {}): Promise<RenderedEmail> {
  return emails.changed({
    locale: 'en',
    service,
    account,
    changedAt: new Date('2026-11-24T14:30:00Z'),
    ...facts,
  })
}

type Written = [name: string, write: () => Promise<RenderedEmail>, locale: Language]

export const everyEmail = languages.flatMap((locale): Written[] => [
  [`${locale} reset`, once(() => reset({ locale })), locale],
  [`${locale} reset, with a cancel link`, once(() => reset({ locale, cancelLink })), locale],
  [`${locale} changed`, once(() => changed({ locale })), locale],
  [
    `${locale} changed, with a cancel link`,
    once(() => changed({ locale, cancelLink, client: '203.0.113.0/24' })),
    locale,
  ],
])

function once(write: () => Promise<RenderedEmail>): () => Promise<RenderedEmail> {
  let written: Promise<RenderedEmail> | undefined
  return () => (written ??= write())
}

/** Decodes character references; enough for HTML from React. */
function decode(html: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return html.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (_, hex: string, decimal: string, name: string) =>
      name ? named[name]! : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)),
  )
}

export function hrefs(html: string): string[] {
  return [...html.matchAll(/\shref="([^"]*)"/g)].map(([, href]) => decode(href!))
}

export function visibleText(html: string): string {
  return decode(html.replace(/<(style|title)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, '\n'))
}

/** The links that the parser of a mail program finds in the plain text. */
export async function linksInText(text: string): Promise<string[]> {
  const mail = `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(text).toString('base64')}`
  return hrefs((await simpleParser(mail)).textAsHtml ?? '')
}
