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
  linked,
  reset,
  seen,
  service,
} from '@/e2e/support/emails'
import type { Language } from '@/lib/i18n/locales'
import { createDevMailbox } from '@/lib/mail/dev-mailbox'
import { createMailer } from '@/lib/mail/mailer'
import { buildLinkUrl } from '@/lib/password-reset/reset-link'
import de from '@/messages/de.json'
import en from '@/messages/en.json'
import { getMessages } from '@/lib/i18n/messages'
import { wordJoiner } from './untrusted-text'

const flat = (part: string) => part.replaceAll(wordJoiner, '').replace(/\s+/g, '')

/** The date, time and zone in the language's long format, digits, calendar and order. */
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
  test('the links of both parts are the same, each on a line of its own in the text [M3]', async () => {
    const { html, text } = await write()
    const lines = text.split('\n').filter((line) => line.includes('://'))
    const inHtml = hrefs(html).filter((href) => !href.startsWith('mailto:'))
    expect(new Set(inHtml)).toEqual(new Set(lines))
    expect(lines.every((line) => /^https:\/\/id\.example\.com\/\S+$/.test(line))).toBe(true)
    expect((await linked(text)).filter((href) => !href.startsWith('mailto:'))).toEqual(lines)
  })

  test('the mail names no host but ours and fetches nothing [M3, M4]', async () => {
    const { html, text } = await write()
    const hosts = [...`${html}\n${text}`.matchAll(/\w+:\/\/([^/"\s<]*)/g)].map(([, host]) => host)
    expect(hosts.filter((host) => host !== 'id.example.com')).toEqual([])
    expect(html).not.toMatch(/\b(src|srcset|background|poster|data|cite|action|ping)=/i)
    expect(html).not.toMatch(
      /url\(|@import|<(img|link|script|iframe|object|embed|form|input|base|svg|video|audio)\b|http-equiv="refresh"|\son\w+=/i,
    )
  })

  test('says who sends it, which account it is about and whom to ask, in both parts [M5]', async () => {
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

  test('every sentence of the plain text is in the HTML too [M1]', async () => {
    const { html, text } = await write()
    const lines = text.replace(/^https:.*|^[=-]{3,}$|^-- $/gm, '').split(/\n{2,}|(?<=[.:：])\n|[:：] {2,}/)
    for (const words of lines.map(flat)) expect(flat(seen(html))).toContain(words.replace(/[:：]$/, ''))
  })

  test('every sentence of the HTML is in the plain text too, but for its preview and what is about buttons [M1]', async () => {
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
    // Marks are zero columns wide.
    const wide = text.split('\n').filter((line) => line.replace(/[\p{Mn}\p{Me}\p{Cf}]/gu, '').length > 72)
    expect(wide.every((line) => line.startsWith('https://'))).toBe(true)
    expect(text).not.toMatch(/\n{4}|[ \t]$(?<!^-- )/m)
  })

  test('a time is followed by its zone, on the same line [M5]', async () => {
    const { text } = await write()
    expect(text).toMatch(/\p{Nd}{1,2}[:.]\p{Nd}{2}(\u00a0\p{L}\S*)?\u00a0UTC/u)
    expect(text.match(/UTC/g)).toHaveLength(1)
  })
})

describe('the email with a link', () => {
  test('says how long the link lives, as a span and as a moment that means the same everywhere [M5]', async () => {
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

  test('says that nothing needs to be done, and how to stop the link where there is a way [M5]', async () => {
    expect((await reset()).text).toContain('Then you can ignore this email.')
    expect((await reset()).text).not.toContain('stop the link now')
    expect((await reset({ cancelLink })).text).toContain(`stop the link now:\n\n${cancelLink}\n`)
  })

  test('the button and the written-out address are the link, character by character [M3]', async () => {
    const { html } = await reset()
    expect(hrefs(html).filter((href) => href === link)).toHaveLength(2)
    expect(seen(html)).toContain(`\n${link}\n`)
  })

  test('support is not named where there is none', async () => {
    const { html, text } = await reset({ service: { ...service, supportEmail: undefined } })
    expect(`${html}${text}`).not.toMatch(/help@|mailto:|Need help/)
  })
})

describe('the email about a changed password', () => {
  test('holds no link that could change anything, unless it is given one [S3]', async () => {
    const { html, text } = await changed()
    expect(hrefs(html)).toEqual(['mailto:help@acme.example'])
    expect(`${html}${text}`).not.toContain('signature')
  })

  test('offers one way back, saying that it was somebody else; to a mailbox that gets no links any more, none', async () => {
    const [here, left] = [await changed({ cancelLink }), await changed()]
    expect(hrefs(here.html)).toEqual([cancelLink, 'mailto:help@acme.example'])
    expect(here.text).toContain('nobody else can read this mailbox')
    expect(left.text).not.toContain('nobody else can read this mailbox')
    expect(left.text).toContain('Need help? Write to help@acme.example.')
  })

  test('tells when, and roughly where from', async () => {
    const text = (await changed({ client: '203.0.113.0/24' })).text.replaceAll(wordJoiner, '')
    expect(text).toMatch(/When:\s+24 November 2026 at 14:30\sUTC\n/)
    expect(text).toMatch(/Network:\s+203\.0\.113\.0\/24\n/)
    expect((await changed()).text).not.toContain('Network')
  })
})

describe.each(everyEmail.filter(([name]) => !name.includes(' with ')))(
  'the email (%s)',
  (name, _write, locale) => {
    const { emails } = getMessages(locale)
    const write = name.includes('reset') ? reset : changed
    const facts = async (more: object) => {
      const { html, text } = await write({ locale, account: { ...account, ...more } })
      const lines = [...text.replaceAll(wordJoiner, '').matchAll(/^ {4}(\S.*?)[\s\u202f]*[:：] +(\S+)$/gm)]
      const told = lines.map(([, label, value]) => [label, value])
      for (const part of told.flat()) expect(flat(seen(html))).toContain(flat(part!))
      return told.filter(([label]) => [emails.username, emails.account].includes(label!))
    }

    test('names the username, where the account has one [W11]', async () => {
      expect(await facts({})).toEqual([[emails.username, 'jane']])
    })

    test('where there is no username, the address says which account it is [W11]', async () => {
      expect(await facts({ username: '' })).toEqual([[emails.account, 'jane@mail.example']])
    })

    test('shows the label of an account, treated like a username [W11]', async () => {
      expect(await facts({ label: 'north' })).toEqual([
        [emails.account, 'north'],
        [emails.username, 'jane'],
      ])
      expect(await facts({ username: '', label: 'Your account is locked: www.evil.com' })).toEqual([
        [emails.account, 'You…com'],
      ])
    })

    test('greets by the first name, else by the whole name, else by none [W11]', async () => {
      const greeted = async (more: object) => (await write({ locale, account: { ...account, ...more } })).text
      const names = { firstName: '', name: 'Ada Lehmann' }
      const line = (name: string) => `\n${emails['greeting-named'].replace('{name}', name)}\n`
      expect(await greeted({ ...names, firstName: 'Jane' })).toContain(line('Jane'))
      expect(await greeted(names)).toContain(line('Ada Lehmann'))
      expect(await greeted({ firstName: '', name: 'Call +1 900' })).toContain(`\n${emails.greeting}\n`)
    })
  },
)

test('every message is in every language, with the same values to fill in', () => {
  const flatten = (value: object, path = ''): [string, string[]][] =>
    Object.entries(value).flatMap(([key, inner]: [string, string | object]) =>
      typeof inner === 'string'
        ? [[`${path}${key}`, [...new Set(inner.match(/\{\w+/g))].sort()] as [string, string[]]]
        : flatten(inner, `${path}${key}.`),
    )
  expect(Object.fromEntries(flatten(de.emails))).toEqual(Object.fromEntries(flatten(en.emails)))
})

test('the link is whole in both parts after a journey through the mail format [M1, M3]', async () => {
  const mailboxDir = await mkdtemp(join(tmpdir(), 'rekey-emails-'))
  const mailer = createMailer({ mailboxDir, from: 'no-reply@example.com', log: pino({ enabled: false }) })
  const id = randomUUID()
  const resetEmail = await reset({ locale: 'de', cancelLink })
  expect(await mailer.send({ id, to: 'jane@example.com', content: resetEmail })).toEqual({ ok: true })
  const opened = await createDevMailbox(mailboxDir).open(id)
  expect(opened?.text).toBe(resetEmail.text)
  expect(opened?.html.trimEnd()).toBe(resetEmail.html)
  expect(opened?.text.split('\n')).toContain(link)
  expect(hrefs(opened?.html ?? '')).toContain(link)
  await rm(mailboxDir, { recursive: true })
})

test.each(['https://app.example.com/#/reset-password/', 'https://app.example.com/a?b=c#!/reset'])(
  'a link to the route %s is whole in both parts of the email [V4]',
  async (page) => {
    const routed = buildLinkUrl(page, { user_id: '7', timestamp: 1795436000, signature: 'Zk3p-_9Q' })
    const { html, text } = await reset({ link: routed })
    expect(routed).toMatch(/#!?\/[^?]*\?user_id=7&timestamp=/)
    expect(hrefs(html)).toContain(routed)
    expect(text.split('\n')).toContain(routed)
    expect(await linked(text)).toContain(routed)
  },
)
