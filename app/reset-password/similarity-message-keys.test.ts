import { expect, test } from 'vitest'
import { languages } from '@/lib/i18n/locales'
import { getMessages } from '@/lib/i18n/messages'
import { similarityMessageKeysFor } from './similarity-message-keys'

test.each(languages)('the page names no username in %s if the users table has none [W11]', (language) => {
  const { emails, pages } = getMessages(language)
  const words = emails.username.toLowerCase().match(/[\p{L}\p{M}]+/gu)!
  // The end of the word may be declined.
  const stem = words.toSorted((a, b) => b.length - a.length)[0]!.slice(0, 5)
  const textsFor = (users: { username?: string }) => {
    const { rule, advice } = similarityMessageKeysFor(users)
    return [pages.reset[rule], pages['password-problems'][advice]].map((text) => text.toLowerCase())
  }
  for (const text of textsFor({ username: 'username' })) expect(text).toContain(stem)
  for (const text of textsFor({})) expect(text).not.toContain(stem)
})
