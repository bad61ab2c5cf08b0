import fc from 'fast-check'
import { expect, test } from 'vitest'
import { smtpOptions } from '@/lib/mail/smtp-options'
import { smtpUrl } from './value-schemas'

test('the mail server gets any password whole, or SMTP_URL is refused without a part of it in the message [V5]', () => {
  const special = fc.stringMatching(/^[@/#?:%&+=,;!$'"`\\ \[\]{}()|^~<>.ä€0-9]{0,4}$/)
  fc.assert(
    fc.property(special, special, special, (before, within, after) => {
      const secret = `${before}zqa${within}zqb${after}`
      const url = `smtp://user@example.com:${secret}@mail.example.com:587`
      const problem = smtpUrl.safeParse(url).error?.issues[0]?.message
      expect(problem ?? '').not.toMatch(/zq[ab]/)
      if (problem !== undefined || /%[\da-f]{2}/i.test(secret)) return
      expect(smtpOptions(url)).toMatchObject({
        host: 'mail.example.com',
        auth: { user: 'user@example.com', pass: secret },
      })
    }),
    { numRuns: 1000 },
  )
})
