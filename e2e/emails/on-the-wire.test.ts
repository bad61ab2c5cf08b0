import { createTranslator } from 'use-intl/core'
import { simpleParser } from 'mailparser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { directionOf, languages, type Language } from '@/lib/i18n/locales'
import { getMessages } from '@/lib/i18n/messages'
import type { CaughtEmail } from '@/e2e/support/mail-sink'
import { newPassword, readLink, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { shownUsername } from '@/emails/shown-username'

/** Names that would break markup, headers and lines if they were not escaped. */
const firstName = 'Grace <b>&'
const username = (language: Language) => `"><i>grace-${language}`

type Caught = { language: Language; kind: 'reset' | 'changed'; email: CaughtEmail; person: Person }

let app: RunningApp
const caught: Caught[] = []
beforeAll(async () => {
  app = await startApp({ env: { APP_NAME: 'Ærø & Søn', SUPPORT_EMAIL: 'Help <help@rekey.example>' } })
  await Promise.all(
    languages.map(async (language) => {
      const email = `grace.${language}@example.com`.toLowerCase()
      const person = await app.addPerson({ username: username(language), email, firstName, locale: language })
      await app.post('send-reset-password-link', { login: person.username })
      const reset = await app.sink.next(email, 60_000)
      caught.push({ language, kind: 'reset', email: reset, person })
      await app.post('reset-password', { ...readLink(reset.link), password: newPassword() })
      caught.push({ language, kind: 'changed', email: await app.sink.next(email, 60_000), person })
    }),
  )
})
afterAll(() => app?.stop())

const each = languages.flatMap((language) => [[language, 'reset'] as const, [language, 'changed'] as const])
const find = (language: Language, kind: Caught['kind']) =>
  caught.find((one) => one.language === language && one.kind === kind)!

function splitMessage(raw: Buffer): { head: string; body: string } {
  const wire = raw.toString('latin1')
  const end = wire.indexOf('\r\n\r\n')
  return { head: wire.slice(0, end), body: wire.slice(end + 4) }
}

function headersOf(head: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const line of head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase()
    fields.set(name, [...(fields.get(name) ?? []), line.slice(line.indexOf(':') + 1).trim()])
  }
  return fields
}

function partsOf({ head, body }: { head: string; body: string }) {
  const boundary = /boundary="([^"]+)"/.exec(head.replace(/\r\n[ \t]+/g, ' '))![1]!
  const pieces = body.split(`--${boundary}`)
  expect(pieces.at(-1)!.trim()).toBe('--')
  return pieces.slice(1, -1).map((piece) => splitMessage(Buffer.from(piece.slice(2), 'latin1')))
}

const hrefs = (html: string) =>
  [...html.matchAll(/\shref="([^"]*)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&'))

/** Elements that HTML leaves without an end tag (HTML Standard §13.1.2). */
const empty = new Set(['meta', 'hr', 'br', 'img', 'link', 'input', 'col', 'wbr'])

/** Faults of the markup. Stricter than HTML, because mail programs have parsers of their own. */
function markupFaults(html: string): string[] {
  const faults: string[] = []
  const open: string[] = []
  const withoutStyle = html.replace(/<style>[^<]*<\/style>/g, '<style></style>')
  const token =
    /<!doctype html>|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<>]*")*)\s*(\/?)>|<!--[\s\S]*?-->/giy
  for (let at = 0; at < withoutStyle.length;) {
    if (withoutStyle[at] !== '<') {
      const end = withoutStyle.indexOf('<', at)
      const text = withoutStyle.slice(at, end < 0 ? undefined : end)
      const bare = text.match(/&(?!#\d+;|#x[0-9a-f]+;|amp;|lt;|gt;|quot;|nbsp;)|>/i)
      if (bare) faults.push(`bare ${bare[0]} in ${text.slice(0, 60)}`)
      at += text.length
      continue
    }
    token.lastIndex = at
    const found = token.exec(withoutStyle)
    if (found === null) return [...faults, `no tag: ${withoutStyle.slice(at, at + 80)}`]
    at = token.lastIndex
    const [, closing, name, attributes = ''] = found
    if (name === undefined) continue
    const names = [...attributes.toLowerCase().matchAll(/\s([a-z-]+)="/g)].map(([, attribute]) => attribute)
    if (new Set(names).size < names.length) faults.push(`an attribute twice: ${found[0]}`)
    if (closing === '/') {
      const last = open.pop()
      if (last !== name) faults.push(`</${name}> closes <${last}>`)
    } else if (!empty.has(name)) open.push(name)
  }
  return [...faults, ...open.map((name) => `<${name}> is never closed`)]
}

test('the check of the markup finds each kind of fault', () => {
  expect(markupFaults('<!doctype html><p dir="ltr">a &amp; b<br/></p>')).toEqual([])
  for (const wrong of [
    '<p>',
    '</p>',
    '<p><b></p></b>',
    'a & b',
    '<p dir=ltr></p>',
    '<p a="1" a="2"></p>',
    '<',
  ])
    expect(markupFaults(wrong), wrong).not.toEqual([])
})

describe.each(each)('the email in %s (%s)', (language, kind) => {
  const received = () => find(language, kind)
  const direction = directionOf(language)

  test('a sent email has short ASCII lines with CRLF, the plain text first, and a charset for both parts [M1]', () => {
    const { email } = received()
    const wire = email.raw.toString('latin1')
    expect(wire.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    // Lines in quoted-printable and base64 have at most 76 characters, headers at most 998 (RFC 5322 §2.1.1).
    expect(Math.max(...wire.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998)
    const message = splitMessage(email.raw)
    expect(Math.max(...message.body.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(76)
    expect(wire).not.toMatch(/[^\x20-\x7e\r\n\t]/)
    const headers = headersOf(message.head)
    expect(headers.get('content-type')![0]).toMatch(/^multipart\/alternative;/)
    expect(headers.get('mime-version')).toEqual(['1.0'])
    const parts = partsOf(message).map(({ head }) => headersOf(head))
    expect(parts.map((part) => part.get('content-type')![0]!.toLowerCase())).toEqual([
      'text/plain; charset=utf-8',
      'text/html; charset=utf-8',
    ])
    for (const part of parts) {
      expect(part.get('content-transfer-encoding')![0]).toMatch(/^(quoted-printable|base64)$/)
      expect(part.has('content-disposition')).toBe(false)
    }
  })

  test('a sent email has one sender, one recipient, a Message-ID of the sender, and only the expected headers [M2, M6]', () => {
    const { email, person } = received()
    const headers = headersOf(splitMessage(email.raw).head)
    expect(headers.get('from')).toEqual(['Rekey <no-reply@rekey.example>'])
    expect(headers.get('to')).toEqual([person.email])
    expect(email.recipients).toEqual([person.email])
    expect(email.from).toBe('no-reply@rekey.example')
    expect(headers.get('message-id')).toEqual([expect.stringMatching(/^<[\w-]+@rekey\.example>$/)])
    expect(headers.get('auto-submitted')).toEqual(['auto-generated'])
    expect(Math.abs(Date.parse(headers.get('date')![0]!) - Date.now())).toBeLessThan(300_000)
    expect([...headers.keys()].sort()).toEqual(
      [
        'auto-submitted',
        'content-type',
        'date',
        'from',
        'message-id',
        'mime-version',
        'subject',
        'to',
      ].sort(),
    )
  })

  test('a sent email has the subject of its language', () => {
    const { email } = received()
    const translate = createTranslator({
      locale: language,
      messages: getMessages(language),
      namespace: 'emails',
    })
    expect(email.mail.subject).toBe(translate(`${kind}.subject`, { appName: 'Ærø & Søn' }))
  })

  test('a sent email has the same links to one host in text and HTML, and loads nothing [M3, M4]', () => {
    const { mail, link, cancelLink } = received().email
    const html = String(mail.html)
    const text = mail.text!
    const inText = text.split('\n').filter((line) => line.includes('://'))
    expect(inText).toEqual([link, cancelLink].filter((one) => one !== undefined))
    expect(new Set(hrefs(html).filter((href) => !href.startsWith('mailto:')))).toEqual(new Set(inText))
    const hosts = [...`${text}\n${html}`.matchAll(/\w+:\/\/([^/"\s<]*)/g)].map(([, host]) => host)
    expect(new Set(hosts)).toEqual(new Set([`127.0.0.1:${app.port}`]))
    expect(html).not.toMatch(
      /\s(src|srcset|background|poster|data|action|ping)=|url\(|@import|<(img|link|script)\b/i,
    )
    expect(mail.attachments).toEqual([])
  })

  test('a sent email shows username and first name as text, also if they contain markup [M5]', () => {
    const { mail } = received().email
    const plain = mail.text!.replaceAll('\u2060', '')
    const shown = shownUsername(username(language), '')
    expect(shown).toMatch(/^ig.*…/)
    expect(plain).toContain(` ${shown}\n`)
    expect(String(mail.html)).not.toMatch(/<i>|<b>/)
  })

  test('a sent email has well-formed HTML with its language and direction [M11]', () => {
    const html = String(received().email.mail.html)
    expect(html).toContain(`<html dir="${direction}" lang="${language}">`)
    expect(markupFaults(html.trim())).toEqual([])
    expect(html).not.toMatch(/\ufffd|undefined|\[object|\{\w+\}/)
  })
})

test('the link of a sent email opens when another parser decodes it [M3]', async () => {
  const { email } = find(languages[0], 'changed')
  const again = await simpleParser(email.raw)
  expect(again.text).toContain(email.cancelLink)
  expect((await fetch(email.cancelLink!)).status).toBe(200)
})
