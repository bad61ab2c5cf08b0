import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HtmlValidate } from 'html-validate'
import { simpleParser } from 'mailparser'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { directionOf, languages, type Language } from '@/lib/languages'
import type { ChangedLetterFacts, LetterText, ResetLetterFacts } from '@/lib/letters'
import { createMailbox } from '@/lib/mailbox'
import { createMailer } from '@/lib/mailer'
import de from '@/messages/de.json'
import en from '@/messages/en.json'
import { cutAtLinkSigns, nameForGreeting, tameText, wordJoiner } from './held-text'
import { letters } from './letters'
import { renderPage } from './page'

const query = 'user_id=019aa3f0-5b1c-7d2e-8f00-1a2b3c4d5e6f&timestamp=1795436000&signature='
const link = `https://id.example.com/reset-password/?${query}${'Zk3p-_9Q'.repeat(21)}`
const cancelLink = `https://id.example.com/cancel/?${query}${'Cc4q-_8R'.repeat(21)}`
const sender = {
  appName: 'Acme',
  publicOrigin: 'https://id.example.com',
  supportEmail: 'Acme Help <help@acme.example>',
}
const account = { username: 'jane', firstName: 'Jane' }

const reset = (facts: Partial<ResetLetterFacts> = {}) =>
  letters.reset({
    locale: 'en',
    sender,
    account,
    link,
    expiresAt: new Date('2026-11-24T14:30:59Z'),
    lifeMinutes: 60,
    ...facts,
  })
const changed = (facts: Partial<ChangedLetterFacts> = {}) =>
  letters.changed({ locale: 'en', sender, account, changedAt: new Date('2026-11-24T14:30:00Z'), ...facts })

type Written = [name: string, write: () => Promise<LetterText>, locale: Language]

const everyLetter = languages.flatMap((locale): Written[] => [
  [`${locale} reset`, () => reset({ locale }), locale],
  [`${locale} reset, with a way to cancel`, () => reset({ locale, cancelLink }), locale],
  [`${locale} changed`, () => changed({ locale }), locale],
  [
    `${locale} changed, with a way to cancel`,
    () => changed({ locale, cancelLink, client: '203.0.113.0/24' }),
    locale,
  ],
])

/** What the HTML Standard says, but for what mail programs need: tables for the layout, styles in attributes, Outlook's comments. */
const validator = new HtmlValidate({
  root: true,
  extends: ['html-validate:recommended'],
  rules: {
    'doctype-style': 'off',
    'no-conditional-comment': 'off',
    'no-deprecated-attr': 'off',
    'no-inline-style': 'off',
    'prefer-native-element': 'off',
    'presentation-role-style': 'off',
    'void-style': 'off',
  },
})

async function faultsOf(html: string): Promise<string[]> {
  const { results } = await validator.validateString(html)
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`))
}

/** What a browser makes of an attribute or a text; enough for HTML that React wrote. */
function decode(html: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return html.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (_, hex: string, decimal: string, name: string) =>
      name ? named[name]! : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)),
  )
}

const hrefs = (html: string) => [...html.matchAll(/\shref="([^"]*)"/g)].map(([, href]) => decode(href!))

/** The text a reader of the HTML sees, or hears. */
const seen = (html: string) =>
  decode(html.replace(/<(style|title)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, '\n'))

const flat = (part: string) => part.replaceAll(wordJoiner, '').replace(/\s+/g, '')

/** The links that a real mail program's parser finds in the plain text. */
async function linked(text: string): Promise<string[]> {
  const mail = `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(text).toString('base64')}`
  return hrefs((await simpleParser(mail)).textAsHtml ?? '')
}

/** The date as the language writes it out, the time and the zone, in its digits and by its calendar, in its order. */
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

describe.each(everyLetter)('the letter (%s)', (_, write, locale) => {
  test('M3: the links of both parts are the same, each on a line of its own in the text', async () => {
    const { html, text } = await write()
    const lines = text.split('\n').filter((line) => line.includes('://'))
    const inHtml = hrefs(html).filter((href) => !href.startsWith('mailto:'))
    expect(new Set(inHtml)).toEqual(new Set(lines))
    expect(lines.every((line) => /^https:\/\/id\.example\.com\/\S+$/.test(line))).toBe(true)
    expect((await linked(text)).filter((href) => !href.startsWith('mailto:'))).toEqual(lines)
  })

  test('M3, M4: the mail names one host and fetches nothing', async () => {
    const { html, text } = await write()
    const hosts = [...`${html}\n${text}`.matchAll(/\w+:\/\/([^/"\s<]*)/g)].map(([, host]) => host)
    expect(new Set(hosts)).toEqual(new Set(['id.example.com']))
    expect(html).not.toMatch(/\b(src|srcset|background|poster|data|cite|action|ping)=/i)
    expect(html).not.toMatch(
      /url\(|@import|<(img|link|script|iframe|object|embed|form|input|base|svg|video|audio)\b|http-equiv="refresh"|\son\w+=/i,
    )
  })

  test('M5: says who sends it, which account it is about and whom to ask, in both parts', async () => {
    const { subject, html, text } = await write()
    for (const part of [text, seen(html)]) {
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

  test('M1: every sentence of the plain text is in the HTML too', async () => {
    const { html, text } = await write()
    const lines = text.replace(/^https:.*|^[=-]{3,}$|^-- $/gm, '').split(/\n{2,}|(?<=[.:：])\n|[:：] {2,}/)
    for (const words of lines.map(flat)) expect(flat(seen(html))).toContain(words.replace(/[:：]$/, ''))
  })

  test('M1: every sentence of the HTML is in the plain text too, but for its preview and what is about buttons', async () => {
    const { html, text } = await write()
    const body = html
      .replace(/.*?(?=<div class="rk-page")/s, '')
      .replaceAll(/<a [^>]*class="rk-(main|quiet)".*?<\/a>/gs, '')
      .replace(/<p [^>]*>[^<]*<\/p>(?=<p dir="ltr")/, '')
    const lines = seen(body).split('\n').map(flat).filter(Boolean)
    expect(lines.length).toBeGreaterThan(8)
    expect(lines.filter((words) => !flat(text).includes(words))).toEqual([])
  })

  test('the plain text sets the colon after a label as the language does', async () => {
    const { text } = await write()
    const colon = locale === 'fr' ? '\u202f:' : /^(ja|zh)/.test(locale) ? '：' : ':'
    expect(text).toMatch(new RegExp(`^ {4}\\S.*[^\\s:]${colon} {2,}\\S`, 'm'))
  })

  test('the plain text fits 72 columns, but for what must not be broken', async () => {
    const { text } = await write()
    // Marks stand above or below the character before them.
    const wide = text.split('\n').filter((line) => line.replace(/[\p{Mn}\p{Me}\p{Cf}]/gu, '').length > 72)
    expect(wide.every((line) => line.startsWith('https://'))).toBe(true)
    expect(text).not.toMatch(/\n{4}|[ \t]$(?<!^-- )/m)
  })

  test('M11: the HTML tells its language and direction, and comes in dark', async () => {
    const { html } = await write()
    expect(html).toContain(`<html dir="${directionOf(locale)}" lang="${locale}">`)
    expect(html).toMatch(/^<!doctype html>/)
    expect(html).toContain('<meta name="color-scheme" content="light dark"/>')
    expect(html).toContain('@media (prefers-color-scheme: dark)')
  })

  test('M11: the HTML is valid, and what only CSS hides is hidden in Outlook too', async () => {
    const { html } = await write()
    expect(await faultsOf(html)).toEqual([])
    expect(html).toMatch(/<body[^>]*>(<(table|tbody|tr|td)[^>]*>)*<div style="display:none;[^"]*mso-hide:all/)
  })

  test('M11: what is repainted for a dark scheme is so wherever Outlook marks it, text or background', async () => {
    const { html } = await write()
    const dark = /prefers-color-scheme: dark\) \{(.*)\}/.exec(html)![1]!
    for (const [, selector, rule] of dark.matchAll(/(\.rk-\w+) (\{[^}]*\})/g))
      expect(html).toContain(`[data-ogsc] ${selector}, [data-ogsb] ${selector} ${rule}`)
  })

  test('M5: a time is followed by its zone, on the same line', async () => {
    const { text } = await write()
    expect(text).toMatch(/\p{Nd}{1,2}[:.]\p{Nd}{2}(\u00a0\p{L}\S*)?\u00a0UTC/u)
    expect(text.match(/UTC/g)).toHaveLength(1)
  })
})

test.each([
  ['<!doctype html><html lang="en"><head><title>x</title></head><body><p><div>x</div></p></body></html>'],
  [
    '<!doctype html><html lang="en"><head><title>x</title></head><body><a href="x" href="y">x</a></body></html>',
  ],
  ['<!doctype html><html lang="en"><head></head><body>x</body></html>'],
  ['<!doctype html><html lang="en"><head><title>x</title></head><body><table><p>x</p></table></body></html>'],
])('the check of HTML finds what is wrong in %s', async (html) => {
  expect(await faultsOf(html)).not.toEqual([])
})

describe('the letter with a link', () => {
  test('M5: says how long the link lives, as a span and as a moment that means the same everywhere', async () => {
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
  ])('a life of %i minutes is told as %s', async (lifeMinutes, words) => {
    expect((await reset({ lifeMinutes })).text.replaceAll('\n', ' ')).toContain(words)
  })

  test('M5: says that nothing needs to be done, and how to stop the link where there is a way', async () => {
    expect((await reset()).text).toContain('Then you can ignore this email.')
    expect((await reset()).text).not.toContain('stop the link now')
    expect((await reset({ cancelLink })).text).toContain(`stop the link now:\n\n${cancelLink}\n`)
  })

  test('M3: the button and the written-out address are the link, character by character', async () => {
    const { html } = await reset()
    expect(hrefs(html).filter((href) => href === link)).toHaveLength(2)
    expect(seen(html)).toContain(`\n${link}\n`)
  })

  test('M11: Outlook, which knows no greatest width, gets a table as wide as that around the whole letter', async () => {
    const { html } = await reset()
    const inWord = html.replaceAll(/<!--\[if mso\]>|<!\[endif\]-->/g, '')
    const tables = inWord.slice(inWord.indexOf('role="main"')).match(/<table[^>]*>/g)!
    expect(tables[0]).toMatch(/ width="560".*table-layout:fixed/)
    expect(tables[1]).toContain('max-width:560px')
    expect(await faultsOf(inWord)).toEqual([])
  })

  test('support is not named where there is none', async () => {
    const { html, text } = await reset({ sender: { ...sender, supportEmail: undefined } })
    expect(`${html}${text}`).not.toMatch(/help@|mailto:|Need help/)
  })
})

describe('the letter about a changed password', () => {
  test('S3: holds no link that could change anything, unless it is given one', async () => {
    const { html, text } = await changed()
    expect(hrefs(html)).toEqual(['https://id.example.com/forgot-password/', 'mailto:help@acme.example'])
    expect(`${html}${text}`).not.toContain('signature')
  })

  test('offers one way back: saying that it was somebody else, or where that is not to be had, asking again', async () => {
    const { html } = await changed({ cancelLink })
    expect(hrefs(html)).toEqual([cancelLink, 'mailto:help@acme.example'])
  })

  test('tells when, and roughly where from', async () => {
    const text = (await changed({ client: '203.0.113.0/24' })).text.replaceAll(wordJoiner, '')
    expect(text).toMatch(/When:\s+24 November 2026 at 14:30\sUTC\n/)
    expect(text).toMatch(/Network:\s+203\.0\.113\.0\/24\n/)
    expect((await changed()).text).not.toContain('Network')
  })
})

describe('text that somebody chose for themselves', () => {
  const hostile = [
    '<a href=//evil.example>',
    '<script>alert(1)</script>',
    '"><img src=https://evil.example/p.png>',
    '</style><a href="https://evil.example">x</a>',
    'https://evil.example/?a=b',
    'HTTPS://EVIL.EXAMPLE',
    'www.evil.com',
    'evil.com',
    'evil.com/free-gift',
    'eve@evil.com',
    'mailto:eve@evil.com',
    'ftp://evil.com',
    '//evil.com',
    'evil\u3002com',
    'jane\r\n\r\nYour password is wrong, go to https://evil.com\r\n',
    'jane\u2028https://evil.com',
    'jane\u0085\u000b\u000chttps://evil.com',
    'jane\r\n.\r\nMAIL FROM:<eve@evil.com>',
    '\u202Emoc.live//:sptth',
    '\u2066\u2067jane\u2069',
    'ja\u200bne\u00ad\u2060\ufeff',
    `j${'\u0301'.repeat(500)}ane`,
    'x'.repeat(5000),
    '{appName} {0} <b>{link}</b>',
    '<!--[if mso]><a href="https://evil.com"><![endif]-->',
    '\ud800jane',
    '\u0000jane\u0007',
  ]

  test.each(hostile.map((text) => [JSON.stringify(text).slice(0, 70), text]))(
    'M5, C7: as a name, %s stays text in both parts',
    async (_, text) => {
      for (const write of [reset, changed]) {
        const clean = await write()
        const { subject, html, text: plain } = await write({ account: { username: text, firstName: text } })
        const tags = (page: string) =>
          [...page.replaceAll(/<span[^>]*>|<\/span>/g, '').matchAll(/<[^>]+>/g)].map(([tag]) => tag)
        expect(tags(html)).toEqual(tags(clean.html))
        expect(hrefs(html)).toEqual(hrefs(clean.html))
        expect(await linked(plain)).toEqual(await linked(clean.text))
        expect(subject).toBe(clean.subject)
        expect(plain.split('\n')).toHaveLength(clean.text.split('\n').length)
        expect(plain.length).toBeLessThan(clean.text.length + 200)
        expect(`${plain}${html}`).not.toMatch(
          /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/,
        )
        expect(`${plain}${html}`.isWellFormed()).toBe(true)
      }
    },
  )

  test('M5: only what looks like a name is greeted', async () => {
    expect(
      ['Jane', 'Ada María', 'O’Neil', 'Jean-Luc', '山田', 'J. R.', 'فاطمة'].map(nameForGreeting),
    ).toEqual(['Jane', 'Ada María', 'O’Neil', 'Jean-Luc', '山田', 'J. R.', 'فاطمة'])
    const none = [
      '',
      ' ',
      'evil.com',
      'a@b',
      'You won! Call +1 900',
      '<b>',
      'https://x',
      'x'.repeat(41),
      '1234',
      '- -',
    ]
    expect(none.map(nameForGreeting)).toEqual(none.map(() => ''))
    expect((await reset({ account: { username: 'jane', firstName: 'evil.com' } })).text).toContain(
      '\nHello,\n',
    )
  })

  test('a name in HTML is copied as it was chosen', async () => {
    const { html } = await reset({ account: { username: 'jane.doe@mail.example', firstName: '' } })
    const copied = html.replaceAll(/<span[^>]*user-select:none[^>]*>[^<]*<\/span>/g, '')
    expect(copied).toContain('jane.doe@mail.example')
    expect(html).not.toContain('jane.doe')
  })

  test('names of all scripts, and joined emoji, are shown as they are', () => {
    for (const name of ['Jürgen', '山田太郎', 'عبدالله', 'नमस्ते', 'می‌خواهم', '👩‍👩‍👧', 'เก๊ากี้'])
      expect(tameText(name)).toBe(name)
    expect(tameText('  a \t b  ')).toBe('a b')
    expect([...tameText('é'.repeat(100))]).toHaveLength(64)
    expect(tameText(`j${'\u0301'.repeat(20)}ane`)).toBe(`j${'\u0301'.repeat(4)}ane`)
    expect(cutAtLinkSigns('a. b: c/ d')).toEqual(['a. b: c/ d'])
  })
})

test('every message is in every language, with the same values to fill in', () => {
  const flatten = (value: object, path = ''): [string, string[]][] =>
    Object.entries(value).flatMap(([key, inner]: [string, string | object]) =>
      typeof inner === 'string'
        ? [[`${path}${key}`, [...new Set(inner.match(/\{\w+/g))].sort()] as [string, string[]]]
        : flatten(inner, `${path}${key}.`),
    )
  expect(Object.fromEntries(flatten(de.letters))).toEqual(Object.fromEntries(flatten(en.letters)))
})

test('a language that is written from the right gets a page that is', async () => {
  const html = await renderPage({
    language: 'ar' as Language,
    subject: 'x',
    preview: 'x',
    appName: 'Acme',
    title: 'x',
    greeting: 'x',
    blocks: [
      { kind: 'facts', facts: [{ label: 'x', value: 'jane', held: true }] },
      { kind: 'address', lead: 'x', href: link },
    ],
    footer: [],
  })
  expect(html).toContain('<html dir="rtl" lang="ar">')
  expect(html).toMatch(/<th scope="row" align="right"/)
  expect(html).toMatch(/<p dir="ltr"[^>]*><a href="https/)
  expect(html).toContain('<span dir="auto">jane</span>')
})

test('M1, M3: the link is whole in both parts after a journey through the mail format', async () => {
  const mailboxDir = await mkdtemp(join(tmpdir(), 'rekey-letters-'))
  const mailer = createMailer({ mailboxDir, from: 'no-reply@example.com', log: pino({ enabled: false }) })
  const id = randomUUID()
  const letter = await reset({ locale: 'de', cancelLink })
  expect(await mailer.send({ id, to: 'jane@example.com', letter })).toEqual({ ok: true })
  const opened = await createMailbox(mailboxDir).open(id)
  expect(opened?.text).toBe(letter.text)
  expect(opened?.html.trimEnd()).toBe(letter.html)
  expect(opened?.text.split('\n')).toContain(link)
  expect(hrefs(opened?.html ?? '')).toContain(link)
  await rm(mailboxDir, { recursive: true })
})
