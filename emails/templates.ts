import { createTranslator } from 'use-intl/core'
import { parseAddressWithOptionalName } from '@/lib/addresses/email-address'
import type { Language } from '@/lib/i18n/locales'
import type {
  ChangedEmailFacts,
  EmailAccount,
  EmailTemplates,
  RenderedEmail,
  ResetEmailFacts,
  ServiceFacts,
} from '@/lib/mail/email-types'
import { getMessages } from '@/lib/i18n/messages'
import type { EmailBlock, EmailContent, EmailFact, Paragraph } from './content'
import { nameForGreeting, sanitizeShortLine } from './untrusted-text'
import { renderHtmlFromFrame } from './html-frame'
import { renderPlainText } from './plain-text'
import { shownUsername } from './shown-username'

export const emails: EmailTemplates = {
  reset: (facts) => render(resetContent(facts)),
  changed: (facts) => render(changedContent(facts)),
}

async function render(content: EmailContent): Promise<RenderedEmail> {
  return {
    subject: content.subject,
    html: await renderHtmlFromFrame(content),
    text: renderPlainText(content),
  }
}

function resetContent({
  locale,
  service,
  account,
  link,
  expiresAt,
  lifeMinutes,
  cancelLink,
}: ResetEmailFacts): EmailContent {
  const say = speak(locale)
  const { appName } = service
  const expiry = moment(locale, expiresAt)
  const life =
    lifeMinutes % 60 === 0
      ? { unit: 'hours', count: lifeMinutes / 60 }
      : { unit: 'minutes', count: lifeMinutes }
  return {
    language: locale,
    appName,
    brandColor: service.brandColor,
    subject: say('reset.subject', { appName }),
    preview: say('reset.preview'),
    title: say('reset.title'),
    greeting: greet(say, account),
    blocks: [
      paragraph(say('reset.intro', { appName })),
      ...facts(accountFacts(say, account)),
      { kind: 'action', label: say('reset.action'), href: link, weight: 'main' },
      paragraph(say('reset.expiry', { life: say('life', life), expiry })),
      { kind: 'heading', text: say('reset.not-you') },
      paragraph(say('reset.nothing-to-do')),
      ...cancelling(cancelLink, say('reset.cancel'), say('reset.cancel-action')),
      { kind: 'link-text', lead: say('reset.written-out'), href: link },
    ],
    footer: [paragraph(say('reset.why', { appName })), ...help(say, service)],
  }
}

function changedContent({
  locale,
  service,
  account,
  changedAt,
  client,
  cancelLink,
}: ChangedEmailFacts): EmailContent {
  const say = speak(locale)
  const { appName } = service
  return {
    language: locale,
    appName,
    brandColor: service.brandColor,
    subject: say('changed.subject', { appName }),
    preview: say('changed.preview'),
    title: say('changed.title'),
    greeting: greet(say, account),
    blocks: [
      paragraph(say('changed.intro', { appName })),
      ...facts([
        ...accountFacts(say, account),
        { label: say('changed.when'), value: moment(locale, changedAt), untrusted: false },
        { label: say('changed.network'), value: client ?? '', untrusted: true },
      ]),
      paragraph(say('changed.was-you')),
      // Without a cancel link, the account's email address has changed: a new reset link would go to the new address.
      ...(cancelLink === undefined ? help(say, service) : notYou(say, cancelLink, service)),
    ],
    footer: [paragraph(say('changed.why', { appName }))],
  }
}

/** Does not suggest to request a link: cancelling usually requests one, and pauses other emails with links for an hour. */
function notYou(say: Say, cancelLink: string, service: ServiceFacts): EmailBlock[] {
  const support = supportAddress(service)
  return [
    { kind: 'heading', text: say('changed.not-you') },
    paragraph(say('changed.mailbox')),
    ...cancelling(cancelLink, say('changed.cancel'), say('changed.cancel-action')),
    ...(support === undefined ? [] : [paragraph(say('changed.support', { support }), support)]),
  ]
}

type Say = ReturnType<typeof translatorOf>

const translators = new Map<Language, Say>()

/** Cached, because a translator keeps the messages that it has parsed. */
function speak(language: Language): Say {
  const say = translators.get(language) ?? translatorOf(language)
  translators.set(language, say)
  return say
}

/** Throws for a missing message, so that the email is retried instead of showing a key. */
function translatorOf(language: Language) {
  const onError = (error: Error) => {
    throw error
  }
  return createTranslator({
    locale: language,
    messages: getMessages(language),
    namespace: 'emails',
    onError,
  })
}

/** Formats an instant in UTC, because the recipient's time zone is unknown. Time and `UTC` stay together on one line. */
function moment(language: Language, at: Date): string {
  const parts = dateFormatOf(language).formatToParts(at)
  const from = parts.findIndex(({ type }) => type === 'hour')
  const isDateLast = parts.slice(from).some(({ type }) => type === 'day')
  const to = isDateLast ? parts.findIndex(({ type }) => type === 'minute') + 1 : parts.length
  const spell = (some: typeof parts) => some.map(({ value }) => value).join('')
  const time = `${spell(parts.slice(from, to))} UTC`.replaceAll(' ', '\u00a0')
  return `${spell(parts.slice(0, from))}${time}${spell(parts.slice(to))}`
}

const dateFormats = new Map<Language, Intl.DateTimeFormat>()

function dateFormatOf(language: Language): Intl.DateTimeFormat {
  const known = dateFormats.get(language)
  if (known !== undefined) return known
  // With `dateStyle` and this hour cycle, Traditional Chinese loses the long form of the date.
  const format = {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: 'UTC',
  } as const
  // Plain `en` has the American order of day and month.
  const created = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, format)
  dateFormats.set(language, created)
  return created
}

function greet(say: Say, account: EmailAccount): string {
  const name = nameForGreeting(account.firstName) || nameForGreeting(account.name)
  return name === '' ? say('greeting') : say('greeting-named', { name })
}

function accountFacts(say: Say, { username, label, email }: EmailAccount): EmailFact[] {
  const named = [
    { label: say('account'), value: shownUsername(label, email), untrusted: true },
    { label: say('username'), value: shownUsername(username, email), untrusted: true },
  ]
  if (named.some(({ value }) => value !== '')) return named
  return [{ label: say('account'), value: shownUsername(email, email), untrusted: true }]
}

function facts(rows: EmailFact[]): EmailBlock[] {
  const known = rows.filter(({ value }) => sanitizeShortLine(value) !== '')
  return known.length > 0 ? [{ kind: 'facts', facts: known }] : []
}

function cancelling(href: string | undefined, lead: string, label: string): EmailBlock[] {
  return href === undefined ? [] : [{ kind: 'action', lead, label, href, weight: 'quiet' }]
}

function help(say: Say, service: ServiceFacts): Paragraph[] {
  const support = supportAddress(service)
  return support === undefined ? [] : [paragraph(say('help', { support }), support)]
}

function supportAddress({ supportEmail }: ServiceFacts): string | undefined {
  return supportEmail === undefined ? undefined : parseAddressWithOptionalName(supportEmail)?.address
}

function paragraph(text: string, address?: string): Paragraph {
  return { kind: 'paragraph', text, address }
}
