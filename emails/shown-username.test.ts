import { describe, expect, test } from 'vitest'
import { account, changed, everyEmail, reset, visibleText } from '@/e2e/support/emails'
import { languages } from '@/lib/i18n/locales'
import { shownUsername } from './shown-username'

const email = 'victim@mail.example'
const shown = (username: string) => shownUsername(username, email)

describe('usernames in emails to people who may not have chosen them', () => {
  test.each([
    'jane',
    'x',
    'grace1984',
    'Jürgen',
    'jose\u0301',
    'McDonald',
    'jane_doe-2',
    '山田太郎',
    'ユーザー',
    '佐々木',
    '한국어사용자',
    'Мария',
    'عبدالله',
    'می‌خواهم',
    'नमस्ते',
    'เก๊ากี้',
  ])('an email shows the username %s unchanged [M5]', (username) => {
    expect(shown(username)).toBe(username)
  })

  const messages = [
    'Your account is locked! Call +1 900 555 0199',
    'Your.account.is.locked.Call.09005550199',
    'your_account_is_locked',
    'YourAccountIsLocked',
    'Ihr Konto ist gesperrt',
    '您的账户已被锁定请致电',
    'บัญชีของคุณถูกล็อคโทรหาเรา',
    'アカウントがロックされました',
    'Ваш аккаунт заблокирован, позвоните',
    'حسابك مغلق اتصل بنا',
    'Call now\r\n\r\n0900 55 50 199',
  ]
  test.each(messages)(
    'an email shortens the username "%s", so that it conveys no message [M5]',
    (username) => {
      const text = shown(username)
      expect(text).toMatch(/^[^\s…]{1,9}…[^\s…]{1,9}$/u)
      expect(text.match(/\p{L}|\p{N}/gu)!.length).toBeLessThanOrEqual(6)
    },
  )

  test.each([
    '+1 900 555 0199',
    '09005550199',
    '0-9-0-0-5-5-5',
    'call118118',
    'sms72020',
    '０９００５５５０１９９',
    '٠٩٠٠٥٥٥٠١٩٩',
    '०९००५५५',
    '\u{1d7ce}\u{1d7d7}\u{1d7ce}\u{1d7ce}\u{1d7d3}',
    '⓪⑨⓪⓪⑤⑤⑤',
    '0\ufe0f\u20e39\ufe0f\u20e30\ufe0f\u20e30\ufe0f\u20e35\ufe0f\u20e3',
    '0\u200b9\u200b0\u200b0\u200b5',
  ])('an email shortens the username %s, so that it is no phone number [M5]', (username) => {
    const digits = username.match(/\p{N}/gu)!.length
    expect(shown(username).match(/\p{N}/gu)?.length ?? 0).toBeLessThan(Math.min(digits, 7))
    expect(shown(username)).not.toBe(username)
  })

  test.each([
    'evil.com',
    'https://evil.example/x',
    'evil.com/free',
    'eve@evil.com',
    '@evil',
    'evil\u2024com', // one dot leader
    'evil\ua4f8com', // a Lisu letter like a dot
    'evil\u0660com', // the Arabic zero
    'evil\u30cecom', // a kana like a slash
    'evil\u318dcom', // a Hangul letter like a middle dot
    'evil\u01c3', // a click like an exclamation mark
    'evil\u3002com',
    'evil\uff0ecom',
    '\u0435vil\u2024c\u043em',
    'paypal\u2044login',
    '\u202emoc.live',
  ])('an email shortens the username %j, so that it is no web or email address [M5]', (username) => {
    const text = shown(username)
    expect(text).toMatch(/^\p{L}{1,3}…\p{L}{1,3}$/u)
  })

  test('an email shows no username that has no letters and digits [M5]', () => {
    for (const username of ['', '!!!', '☎', '👩‍👩‍👧', '\u202e\u200b', '?a!']) expect(shown(username)).toBe('')
  })

  test('an email shows a whole username that is its recipient’s address or the part before the @ [M5]', () => {
    expect(shownUsername('jane.doe', 'jane.doe@mail.example')).toBe('jane.doe')
    expect(shownUsername('Jane.Doe@Mail.example', 'jane.doe@mail.example')).toBe('Jane.Doe@Mail.example')
    expect(shownUsername('jane.doe@other.example', 'jane.doe@mail.example')).toBe('jan…ple')
    expect(shownUsername('jane.doe', email)).toBe('ja…oe')
  })

  test('an email shortens a username that is its recipient’s address but contains a message or a number [M5]', () => {
    for (const local of ['victim+your.account.is.locked', 'victim+call09005550199', '09005550199'])
      for (const username of [local, `${local}@mail.example`])
        expect(shownUsername(username, `${local}@mail.example`)).toMatch(/^\w{2,3}…\w{2,3}$/)
  })

  test('an email shortens a username whose capitals separate words that its recipient’s address does not [M5]', () => {
    expect(shownUsername('YourAccountIsLocked@mail.example', 'youraccountislocked@mail.example')).toBe(
      'You…ple',
    )
    expect(shownUsername('a@@evil.com', 'a@@mail')).toBe('ae…om')
  })

  test('an email shows only the start and the end of a username above 24 characters [M5]', () => {
    expect(shown('a'.repeat(24))).toBe('a'.repeat(24))
    expect(shown('a'.repeat(25))).toBe('aaa…aaa')
    expect(shown('ab'.repeat(5000))).toBe('aba…bab')
  })

  describe.each(languages)('emails in %s', (locale) => {
    test.each([
      ['reset', reset],
      ['changed', changed],
    ] as const)('no part of the %s email contains a message from a username [M5]', async (_, write) => {
      const clean = await write({ locale })
      for (const username of messages) {
        const { subject, text, html } = await write({ locale, account: { ...account, username } })
        expect(subject).toBe(clean.subject)
        for (const part of [text, html, visibleText(html)]) {
          expect(part).not.toContain(username)
          expect(part).not.toMatch(/locked|gesperrt|blocked|0199|заблокирован|锁定/iu)
          expect(part).toContain(shown(username))
        }
      }
    })
  })
})

test('every email names a plain username in both parts [M5]', async () => {
  for (const [, write] of everyEmail) {
    const { text, html } = await write()
    expect(text).toMatch(/ jane\n/)
    expect(visibleText(html)).toContain('\njane\n')
  }
})
