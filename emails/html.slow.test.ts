import { HtmlValidate } from 'html-validate'
import { describe, expect, test } from 'vitest'
import { cancelLink, everyEmail, link, reset } from '@/e2e/support/emails'
import { directionOf, type Language } from '@/lib/i18n/locales'
import { renderHtml } from './html'

/** The rules of the HTML Standard, except for what mail programs need: layout tables, style attributes, Outlook's comments. */
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

describe.each(everyEmail)('the HTML of the email (%s)', (_, write, locale) => {
  test('an email has its language, its direction and a dark scheme [M11]', async () => {
    const { html } = await write()
    expect(html).toContain(`<html dir="${directionOf(locale)}" lang="${locale}">`)
    expect(html).toMatch(/^<!doctype html>/)
    expect(html).toContain('<meta name="color-scheme" content="light dark"/>')
    expect(html).toContain('@media (prefers-color-scheme: dark)')
  })

  test('an email is valid HTML, and its hidden preview is hidden in Outlook too [M11]', async () => {
    const { html } = await write()
    expect(await faultsOf(html)).toEqual([])
    expect(html).toMatch(/<body[^>]*>(<(table|tbody|tr|td)[^>]*>)*<div style="display:none;[^"]*mso-hide:all/)
  })

  test('an email applies its dark colours also where Outlook marks text or background [M11]', async () => {
    const { html } = await write()
    const dark = /prefers-color-scheme: dark\) \{(.*)\}/.exec(html)![1]!
    for (const [, selector, rule] of dark.matchAll(/(\.rk-\w+) (\{[^}]*\})/g))
      expect(html).toContain(`[data-ogsc] ${selector}, [data-ogsb] ${selector} ${rule}`)
  })
})

test.each([
  ['<!doctype html><html lang="en"><head><title>x</title></head><body><p><div>x</div></p></body></html>'],
  [
    '<!doctype html><html lang="en"><head><title>x</title></head><body><a href="x" href="y">x</a></body></html>',
  ],
  ['<!doctype html><html lang="en"><head></head><body>x</body></html>'],
  ['<!doctype html><html lang="en"><head><title>x</title></head><body><table><p>x</p></table></body></html>'],
])('the validator of these tests finds a fault in %s', async (html) => {
  expect(await faultsOf(html)).not.toEqual([])
})

describe('the email with a link', () => {
  test('the email with a link writes `&` as `&amp;` in addresses, so that `&timestamp` is not read as `×tamp` [U12]', async () => {
    const { html } = await reset({ cancelLink })
    const [written, cancelWritten] = [link, cancelLink].map((one) => one.replaceAll('&', '&amp;'))
    expect(html.match(/(?<= href=")[^"]*/g)).toEqual(expect.arrayContaining([written, cancelWritten]))
    expect(html).toContain(`>${written}</a>`)
    expect(html).not.toMatch(/&(?:timestamp|signature)/)
  })

  test('the email with a link has a table of fixed width for Outlook, which ignores max-width [M11]', async () => {
    const { html } = await reset()
    const inWord = html.replaceAll(/<!--\[if mso\]>|<!\[endif\]-->/g, '')
    const tables = inWord.slice(inWord.indexOf('role="main"')).match(/<table[^>]*>/g)!
    expect(tables[0]).toMatch(/ width="560".*table-layout:fixed/)
    expect(tables[1]).toContain('max-width:560px')
    expect(await faultsOf(inWord)).toEqual([])
  })
})

test('an email in a language that runs from right to left has that direction', async () => {
  const html = await renderHtml({
    language: 'ar' as Language,
    subject: 'x',
    preview: 'x',
    appName: 'Acme',
    title: 'x',
    greeting: 'x',
    blocks: [
      { kind: 'facts', facts: [{ label: 'x', value: 'jane', untrusted: true }] },
      { kind: 'link-text', lead: 'x', href: link },
    ],
    footer: [],
  })
  expect(html).toContain('<html dir="rtl" lang="ar">')
  expect(html).toMatch(/<th scope="row" align="right"/)
  expect(html).toMatch(/<p dir="ltr"[^>]*><a href="https/)
  expect(html).toContain('<span dir="auto">jane</span>')
})
