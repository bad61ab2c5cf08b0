import { describe, expect, test } from 'vitest'
import { languages } from '@/lib/i18n/locales'
import type { EmailBlock, EmailContent } from './content'
import { renderHtmlFromFrame } from './html-frame'
import { renderHtml } from './html'

const long = `https://id.example.com/reset-password/?user_id=${'9'.repeat(255)}&timestamp=1&signature=${'Zk3p-_9Q'.repeat(60)}`

const texts = {
  plain: 'Jane',
  empty: '',
  markup: `<b onclick="x('y')">&amp; </style></title><!--$--><!-- --> cellPadding="0"`,
  mark: 'rk0text0rk0 rk0text1rk0',
  replacement: "$& $1 $' $` \\u0000",
  rightToLeft: 'محمد \u202eevil\u202c',
  address: 'ada.lovelace@mail.example.com',
  link: 'https://evil.example/a?b=c:d',
  long: 'x'.repeat(5000),
  lone: '\ud800jane',
  lines: 'a\r\nb\u2028c\u0000',
}

function content(text: string, facts: Partial<EmailContent> & { links?: string } = {}): EmailContent {
  const { links: href = long, ...others } = facts
  const blocks: EmailBlock[] = [
    { kind: 'paragraph', text },
    { kind: 'paragraph', text: `Ask ${text}help@acme.example, please`, address: 'help@acme.example' },
    { kind: 'paragraph', text: 'help@acme.example', address: 'help@acme.example' },
    { kind: 'paragraph', text, address: 'elsewhere@acme.example' },
    { kind: 'heading', text },
    {
      kind: 'facts',
      facts: [
        { label: 'Account', value: text, untrusted: true },
        { label: 'When', value: text, untrusted: false },
      ],
    },
    { kind: 'action', label: `To ${text}`, href, weight: 'main' },
    { kind: 'action', lead: text, label: `To ${text}`, href: `${href}&lang=de`, weight: 'quiet' },
    { kind: 'link-text', lead: text, href },
  ]
  return {
    language: 'en',
    subject: text,
    preview: text,
    appName: text,
    title: text,
    greeting: text,
    blocks,
    footer: [{ kind: 'paragraph', text }],
    ...others,
  }
}

describe('HTML that is filled into a frame', () => {
  test.each(Object.entries(texts))(
    'the framed HTML equals that of React with the text "%s" [M1, C7]',
    async (_, text) => {
      expect(await renderHtmlFromFrame(content(text))).toBe(await renderHtml(content(text)))
    },
  )

  test.each(languages)(
    'the framed HTML equals that of React in %s, after an email with other texts [M1]',
    async (language) => {
      await renderHtmlFromFrame(content(texts.markup, { language }))
      expect(await renderHtmlFromFrame(content('Jane', { language }))).toBe(
        await renderHtml(content('Jane', { language })),
      )
    },
  )

  test.each([undefined, '#ff0000', '#0a0a0a'])(
    'the framed HTML equals that of React in the colour %s [M1]',
    async (brandColor) => {
      expect(await renderHtmlFromFrame(content('Jane', { brandColor }))).toBe(
        await renderHtml(content('Jane', { brandColor })),
      )
    },
  )

  test.each([
    'acme://reset?a=b&c=%27',
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'javascript://%0aalert(1)',
    'JAVASCRIPT://%0aalert(1)',
    'https://bücher.example/',
    '/relative',
  ])('the framed HTML equals that of React with the link %j [M1, C7]', async (links) => {
    const html = await renderHtmlFromFrame(content('Jane', { links }))
    expect(html).toBe(await renderHtml(content('Jane', { links })))
    expect(html).not.toMatch(/href="\s*j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t:(?!throw)/i)
  })

  test('the framed HTML equals that of React with one block, no address and no footer [M1]', async () => {
    const few = content('Jane', { blocks: [{ kind: 'paragraph', text: 'Jane' }], footer: [] })
    expect(await renderHtmlFromFrame(few)).toBe(await renderHtml(few))
  })
})

test('no text of an email appears in the next email with the same frame [C7]', async () => {
  await renderHtmlFromFrame(content('Ada'))
  expect(await renderHtmlFromFrame(content('Jane'))).not.toContain('Ada')
})
