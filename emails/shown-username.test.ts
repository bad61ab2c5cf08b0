import { describe, expect, test } from 'vitest'
import { account, changed, everyEmail, reset, seen } from '@/e2e/support/emails'
import { languages } from '@/lib/i18n/locales'
import { shownUsername } from './shown-username'

const email = 'victim@mail.example'
const shown = (username: string) => shownUsername(username, email)

describe('a username in an email to a mailbox whose owner may never have seen it [M5]', () => {
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
  ])('%s looks like a username and is shown as it is', (username) => {
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
  test.each(messages)('"%s" is no message', (username) => {
    const text = shown(username)
    expect(text).toMatch(/^[^\s…]{1,9}…[^\s…]{1,9}$/u)
    expect(text.match(/\p{L}|\p{N}/gu)!.length).toBeLessThanOrEqual(6)
  })

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
  ])('nobody can call %s', (username) => {
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
  ])('%j is no address to go to', (username) => {
    const text = shown(username)
    expect(text).toMatch(/^\p{L}{1,3}…\p{L}{1,3}$/u)
  })

  test('where nothing but signs is left, there is no username', () => {
    for (const username of ['', '!!!', '☎', '👩‍👩‍👧', '\u202e\u200b', '?a!']) expect(shown(username)).toBe('')
  })

  test('is whole where it is the address that the email goes to, or stands before its @', () => {
    expect(shownUsername('jane.doe', 'jane.doe@mail.example')).toBe('jane.doe')
    expect(shownUsername('Jane.Doe@Mail.example', 'jane.doe@mail.example')).toBe('Jane.Doe@Mail.example')
    expect(shownUsername('jane.doe@other.example', 'jane.doe@mail.example')).toBe('jan…ple')
    expect(shownUsername('jane.doe', email)).toBe('ja…oe')
  })

  test('but not where the address itself is a message or a number, as what follows a + may be', () => {
    for (const local of ['victim+your.account.is.locked', 'victim+call09005550199', '09005550199'])
      for (const username of [local, `${local}@mail.example`])
        expect(shownUsername(username, `${local}@mail.example`)).toMatch(/^\w{2,3}…\w{2,3}$/)
  })

  test('nor where capitals make words of it that the address does not have', () => {
    expect(shownUsername('YourAccountIsLocked@mail.example', 'youraccountislocked@mail.example')).toBe(
      'You…ple',
    )
    expect(shownUsername('a@@evil.com', 'a@@mail')).toBe('ae…om')
  })

  test('a long one is cut to its edges', () => {
    expect(shown('a'.repeat(24))).toBe('a'.repeat(24))
    expect(shown('a'.repeat(25))).toBe('aaa…aaa')
    expect(shown('ab'.repeat(5000))).toBe('aba…bab')
  })

  describe.each(languages)('in %s', (locale) => {
    test.each([
      ['reset', reset],
      ['changed', changed],
    ] as const)('no message reaches either part or the subject of the email about a %s', async (_, write) => {
      const clean = await write({ locale })
      for (const username of messages) {
        const { subject, text, html } = await write({ locale, account: { ...account, username } })
        expect(subject).toBe(clean.subject)
        for (const part of [text, html, seen(html)]) {
          expect(part).not.toContain(username)
          expect(part).not.toMatch(/locked|gesperrt|blocked|0199|заблокирован|锁定/iu)
          expect(part).toContain(shown(username))
        }
      }
    })
  })
})

test('every email names a username that looks like one [M5]', async () => {
  for (const [, write] of everyEmail) {
    const { text, html } = await write()
    expect(text).toMatch(/ jane\n/)
    expect(seen(html)).toContain('\njane\n')
  }
})
