import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import {
  account,
  cancelLink,
  changed,
  everyEmail,
  hrefs,
  link,
  linksInText,
  reset,
  visibleText,
  service,
} from '@/e2e/support/emails'
import type { Language } from '@/lib/i18n/locales'
import { createDevMailboxReader } from '@/lib/mail/dev-mailbox'
import { createMailer } from '@/lib/mail/mailer'
import { buildLinkUrl } from '@/lib/password-reset/reset-link'
import de from '@/messages/de.json'
import en from '@/messages/en.json'
import { getMessages } from '@/lib/i18n/messages'
import { wordJoiner } from './untrusted-text'

const flat = (part: string) => part.replaceAll(wordJoiner, '').replace(/\s+/g, '')

function momentIn(locale: Language): RegExp {
  const at = new Date('2026-11-24T14:30:00Z')
  const digits = (n: number) => new Intl.NumberFormat(locale).format(n)
  const written = locale === 'en' ? 'en-GB' : locale
  const date = new Intl.DateTimeFormat(written, { dateStyle: 'long', timeZone: 'UTC' }).format(at)
  return new RegExp(
    `(?=.*${RegExp.escape(date.replaceAll(/\s/g, ' '))}).*${digits(14)}[:.]${digits(30)}.*UTC`,
    's',
  )
}

describe.each(everyEmail)('the email (%s)', (_, write, locale) => {
  test('an email has the same links in both parts, each on its own line in the text [M3]', async () => {
    const { html, text } = await write()
    const lines = text.split('\n').filter((line) => line.includes('://'))
    const inHtml = hrefs(html).filter((href) => !href.startsWith('mailto:'))
    expect(new Set(inHtml)).toEqual(new Set(lines))
    expect(lines.every((line) => /^https:\/\/id\.example\.com\/\S+$/.test(line))).toBe(true)
    expect((await linksInText(text)).filter((href) => !href.startsWith('mailto:'))).toEqual(lines)
  })

  test('an email names no other host than Rekey’s and loads nothing [M3, M4]', async () => {
    const { html, text } = await write()
    const hosts = [...`${html}\n${text}`.matchAll(/\w+:\/\/([^/"\s<]*)/g)].map(([, host]) => host)
    expect(hosts.filter((host) => host !== 'id.example.com')).toEqual([])
    expect(html).not.toMatch(/\b(src|srcset|background|poster|data|cite|action|ping)=/i)
    expect(html).not.toMatch(
      /url\(|@import|<(img|link|script|iframe|object|embed|form|input|base|svg|video|audio)\b|http-equiv="refresh"|\son\w+=/i,
    )
  })

  test('an email names the app, the account, the time and the support in both parts [M5]', async () => {
    const { subject, html, text } = await write()
    for (const part of [text, visibleText(html)]) {
      expect(part).toContain('Acme')
      expect(part).toMatch(/\bjane\b/)
      expect(part.replaceAll(/\s/g, ' ')).toMatch(momentIn(locale))
      expect(part).toContain('help@acme.example')
    }
    expect(subject).toContain('Acme')
    expect(subject).not.toContain('jane')
    expect([...subject].length).toBeLessThan(60)
    expect(hrefs(html)).toContain('mailto:help@acme.example')
  })

  test('an email has every sentence of its plain text in its HTML [M1]', async () => {
    const { html, text } = await write()
    const lines = text.replace(/^https:.*|^[=-]{3,}$|^-- $/gm, '').split(/\n{2,}|(?<=[.:：])\n|[:：] {2,}/)
    for (const line of lines.map(flat)) expect(flat(visibleText(html))).toContain(line.replace(/[:：]$/, ''))
  })

  test('an email has every sentence of its HTML in its plain text, except for its preview and texts about buttons [M1]', async () => {
    const { html, text } = await write()
    const body = html
      .replace(/.*?(?=<div class="rk-page")/s, '')
      .replaceAll(/<a [^>]*class="rk-(main|quiet)".*?<\/a>/gs, '')
      .replace(/<p [^>]*>[^<]*<\/p>(?=<p dir="ltr")/, '')
    const lines = visibleText(body).split('\n').map(flat).filter(Boolean)
    expect(lines.length).toBeGreaterThan(8)
    expect(lines.filter((line) => !flat(text).includes(line))).toEqual([])
  })

  test('an email has the colon of its language after a label', async () => {
    const { text } = await write()
    const colon = locale === 'fr' ? '\u202f:' : /^(ja|zh)/.test(locale) ? '：' : ':'
    expect(text).toMatch(new RegExp(`^ {4}\\S.*[^\\s:]${colon} {2,}\\S`, 'm'))
  })

  test('an email has at most 72 columns in its plain text, except for links', async () => {
    const { text } = await write()
    // Marks are zero columns wide.
    const wide = text.split('\n').filter((line) => line.replace(/[\p{Mn}\p{Me}\p{Cf}]/gu, '').length > 72)
    expect(wide.every((line) => line.startsWith('https://'))).toBe(true)
    expect(text).not.toMatch(/\n{4}|[ \t]$(?<!^-- )/m)
  })

  test('an email has the time zone after a time, on the same line [M5]', async () => {
    const { text } = await write()
    expect(text).toMatch(/\p{Nd}{1,2}[:.]\p{Nd}{2}(\u00a0\p{L}\S*)?\u00a0UTC/u)
    expect(text.match(/UTC/g)).toHaveLength(1)
  })
})

describe('the email with a link', () => {
  test('the email with a link says how long the link works, and until when with the time zone [M5]', async () => {
    expect((await reset()).text).toMatch(
      /works\sfor\s1\shour\sfrom\sthe\srequest,\suntil\s24\sNovember\s2026\sat\s14:30\sUTC/,
    )
    expect((await reset({ locale: 'de' })).text).toMatch(
      /gilt\s1\sStunde\s.*bis\szum\s24\.\sNovember\s2026\sum\s14:30\sUTC/s,
    )
  })

  test.each([
    [10, 'for 10 minutes'],
    [60, 'for 1 hour'],
    [90, 'for 90 minutes'],
    [1440, 'for 24 hours'],
  ])('the email with a link states a life of %i minutes as "%s"', async (lifeMinutes, phrase) => {
    expect((await reset({ lifeMinutes })).text.replaceAll('\n', ' ')).toContain(phrase)
  })

  test('the email with a link says that it may be ignored, and how to cancel if it has a cancel link [M5]', async () => {
    expect((await reset()).text).toContain('Then you can ignore this email.')
    expect((await reset()).text).not.toContain('stop the link now')
    expect((await reset({ cancelLink })).text).toContain(`stop the link now:\n\n${cancelLink}\n`)
  })

  test('the button and the written address have exactly the link [M3]', async () => {
    const { html } = await reset()
    expect(hrefs(html).filter((href) => href === link)).toHaveLength(2)
    expect(visibleText(html)).toContain(`\n${link}\n`)
  })

  test('a support address with characters of a URI is one address of its mailto link', async () => {
    const { html } = await reset({ service: { ...service, supportEmail: 'a?b&c=d@acme.example' } })
    expect(hrefs(html)).toContain('mailto:a%3Fb%26c%3Dd@acme.example')
  })

  test('the email with a link names no support where none is configured', async () => {
    const { html, text } = await reset({ service: { ...service, supportEmail: undefined } })
    expect(`${html}${text}`).not.toMatch(/help@|mailto:|Need help/)
  })
})

describe('the email about a changed password', () => {
  test('the email about a changed password has no signed link without a cancel link [S3]', async () => {
    const { html, text } = await changed()
    expect(hrefs(html)).toEqual(['mailto:help@acme.example'])
    expect(`${html}${text}`).not.toContain('signature')
  })

  test('the email about a changed password offers a cancel link if it has one, and otherwise the support', async () => {
    const [withLink, without] = [await changed({ cancelLink }), await changed()]
    expect(hrefs(withLink.html)).toEqual([cancelLink, 'mailto:help@acme.example'])
    expect(withLink.text).toContain('nobody else can read this mailbox')
    expect(without.text).not.toContain('nobody else can read this mailbox')
    expect(without.text).toContain('Need help? Write to help@acme.example.')
  })

  test('the email about a changed password says when it was changed, and from which network', async () => {
    const text = (await changed({ client: '203.0.113.0/24' })).text.replaceAll(wordJoiner, '')
    expect(text).toMatch(/When:\s+24 November 2026 at 14:30\sUTC\n/)
    expect(text).toMatch(/Network:\s+203\.0\.113\.0\/24\n/)
    expect((await changed()).text).not.toContain('Network')
  })
})

describe.each(everyEmail.filter(([name]) => !name.includes(' with ')))(
  'names in the email (%s)',
  (name, _write, locale) => {
    const { emails } = getMessages(locale)
    const write = name.includes('reset') ? reset : changed
    const facts = async (more: object) => {
      const { html, text } = await write({ locale, account: { ...account, ...more } })
      const lines = [...text.replaceAll(wordJoiner, '').matchAll(/^ {4}(\S.*?)[\s\u202f]*[:：] +(\S+)$/gm)]
      const pairs = lines.map(([, label, value]) => [label, value])
      for (const part of pairs.flat()) expect(flat(visibleText(html))).toContain(flat(part!))
      return pairs.filter(([label]) => [emails.username, emails.account].includes(label!))
    }

    test('an email names the username of an account that has one [W11]', async () => {
      expect(await facts({})).toEqual([[emails.username, 'jane']])
    })

    test('an email identifies an account without a username by its address [W11]', async () => {
      expect(await facts({ username: '' })).toEqual([[emails.account, 'jane@mail.example']])
    })

    test('an email shows the label of an account, shortened like a username [W11]', async () => {
      expect(await facts({ label: 'north' })).toEqual([
        [emails.account, 'north'],
        [emails.username, 'jane'],
      ])
      expect(await facts({ username: '', label: 'Your account is locked: www.evil.com' })).toEqual([
        [emails.account, 'You…com'],
      ])
    })

    test('an email greets by first name, without one by full name, and otherwise without a name [W11]', async () => {
      const textOf = async (more: object) => (await write({ locale, account: { ...account, ...more } })).text
      const names = { firstName: '', name: 'Ada Lehmann' }
      const line = (name: string) => `\n${emails['greeting-named'].replace('{name}', name)}\n`
      expect(await textOf({ ...names, firstName: 'Jane' })).toContain(line('Jane'))
      expect(await textOf(names)).toContain(line('Ada Lehmann'))
      expect(await textOf({ firstName: '', name: 'Call +1 900' })).toContain(`\n${emails.greeting}\n`)
    })
  },
)

test('the emails in German and in English have the same messages with the same placeholders', () => {
  const flatten = (value: object, path = ''): [string, string[]][] =>
    Object.entries(value).flatMap(([key, inner]: [string, string | object]) =>
      typeof inner === 'string'
        ? [[`${path}${key}`, [...new Set(inner.match(/\{\w+/g))].sort()] as [string, string[]]]
        : flatten(inner, `${path}${key}.`),
    )
  expect(Object.fromEntries(flatten(de.emails))).toEqual(Object.fromEntries(flatten(en.emails)))
})

test('an email that was written and parsed as a message has the same texts and the whole link [M1, M3]', async () => {
  const mailboxDir = await mkdtemp(join(tmpdir(), 'rekey-emails-'))
  const mailer = createMailer({ mailboxDir, from: 'no-reply@example.com', log: pino({ enabled: false }) })
  const id = randomUUID()
  const resetEmail = await reset({ locale: 'de', cancelLink })
  expect(await mailer.send({ id, to: 'jane@example.com', content: resetEmail })).toEqual({ ok: true })
  const opened = await createDevMailboxReader(mailboxDir).open(id)
  expect(opened?.text).toBe(resetEmail.text)
  expect(opened?.html.trimEnd()).toBe(resetEmail.html)
  expect(opened?.text.split('\n')).toContain(link)
  expect(hrefs(opened?.html ?? '')).toContain(link)
  await rm(mailboxDir, { recursive: true })
})

test.each(['https://app.example.com/#/reset-password/', 'https://app.example.com/a?b=c#!/reset'])(
  'an email has the whole link to the route %s in both parts [V4]',
  async (page) => {
    const routed = buildLinkUrl(page, { user_id: '7', timestamp: 1795436000, signature: 'Zk3p-_9Q' })
    const { html, text } = await reset({ link: routed })
    expect(routed).toMatch(/#!?\/[^?]*\?user_id=7&timestamp=/)
    expect(hrefs(html)).toContain(routed)
    expect(text.split('\n')).toContain(routed)
    expect(await linksInText(text)).toContain(routed)
  },
)
