import { expect, test } from 'vitest'
import { languages } from '@/lib/i18n/locales'
import { getMessages } from '@/lib/i18n/messages'
import { similarityMessageKeys } from './similarity-message-keys'

test.each(languages)('for a table without usernames, the page speaks of none, in %s [W11]', (language) => {
  const { emails, pages } = getMessages(language)
  const words = emails.username.toLowerCase().match(/[\p{L}\p{M}]+/gu)!
  // Its end may be declined.
  const stem = words.toSorted((a, b) => b.length - a.length)[0]!.slice(0, 5)
  const said = (users: { username?: string }) => {
    const { rule, advice } = similarityMessageKeys(users)
    return [pages.reset[rule], pages['password-problems'][advice]].map((text) => text.toLowerCase())
  }
  for (const text of said({ username: 'username' })) expect(text).toContain(stem)
  for (const text of said({})) expect(text).not.toContain(stem)
})
