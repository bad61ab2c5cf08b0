import { describe, expect, test } from 'vitest'
import { changed, hrefs, linksInText, reset, account } from '@/e2e/support/emails'
import { splitAtLinkCharacters, nameForGreeting, sanitizeShortLine } from './untrusted-text'

describe('texts that people choose for their accounts', () => {
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
    'an email shows the name %s as text, without new tags, links or lines [M5, C7]',
    async (_, text) => {
      for (const write of [reset, changed]) {
        const clean = await write({ account: { ...account, label: 'jane' } })
        const {
          subject,
          html,
          text: plain,
        } = await write({ account: { ...account, username: text, firstName: text, name: text, label: text } })
        const tags = (page: string) =>
          [...page.replaceAll(/<span[^>]*>|<\/span>/g, '').matchAll(/<[^>]+>/g)].map(([tag]) => tag)
        expect(tags(html)).toEqual(tags(clean.html))
        expect(hrefs(html)).toEqual(hrefs(clean.html))
        expect(await linksInText(plain)).toEqual(await linksInText(clean.text))
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

  test('an email greets only with a text that looks like a name [M5]', async () => {
    expect(
      ['Jane', 'Ada María', 'O’Neil', 'Jean-Luc', '山田', 'J. R.', 'فاطمة', 'Maria da Conceição'].map(
        nameForGreeting,
      ),
    ).toEqual(['Jane', 'Ada María', 'O’Neil', 'Jean-Luc', '山田', 'J. R.', 'فاطمة', 'Maria da Conceição'])
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
      'Your account is locked',
      'Call us at once please',
      '您的账户已被锁定请致电',
      'evil\ua4f8com',
      'evil\u30cecom',
    ]
    expect(none.map(nameForGreeting)).toEqual(none.map(() => ''))
    expect((await reset({ account: { ...account, firstName: 'evil.com' } })).text).toContain('\nHello,\n')
  })

  test('a username that a reader copies from the HTML has no extra characters', async () => {
    const email = 'jane.doe@mail.example'
    const { html } = await reset({ account: { ...account, username: email, firstName: '', email } })
    const copied = html.replaceAll(/<span[^>]*user-select:none[^>]*>[^<]*<\/span>/g, '')
    expect(copied).toContain('jane.doe@mail.example')
    expect(html).not.toContain('jane.doe')
  })

  test('names in all scripts and joined emoji are shown unchanged, and long texts are cut', () => {
    for (const name of ['Jürgen', '山田太郎', 'عبدالله', 'नमस्ते', 'می‌خواهم', '👩‍👩‍👧', 'เก๊ากี้'])
      expect(sanitizeShortLine(name)).toBe(name)
    expect(sanitizeShortLine('  a \t b  ')).toBe('a b')
    expect([...sanitizeShortLine('é'.repeat(100))]).toHaveLength(64)
    expect(sanitizeShortLine(`j${'\u0301'.repeat(20)}ane`)).toBe(`j${'\u0301'.repeat(4)}ane`)
    expect(splitAtLinkCharacters('a. b: c/ d')).toEqual(['a. b: c/ d'])
  })
})
