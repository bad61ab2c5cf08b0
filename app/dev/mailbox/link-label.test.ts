import { expect, test } from 'vitest'
import { linkLabel } from './link-label'

test.each([
  ['https://id.example.com/reset-password/?signature=x', 'To choose a new password'],
  ['http://localhost:3000/cancel-reset/?signature=x', '“This wasn’t me”'],
  ['https://id.example.com/forgot-password/', 'To request a link'],
  ['https://example.com/account/reset-password/?signature=x', 'To choose a new password'],
  ['https://app.example.com/reset-password?signature=x', 'To choose a new password'],
  ['https://example.com/our-own-page/', 'Link'],
  ['https://[our-own-placeholder]/reset-password/', 'Link'],
  ['https://…', 'Link'],
  ['https://', 'Link'],
])('the mailbox labels the link %s as %s', (link, purpose) => {
  expect(linkLabel(link)).toBe(purpose)
})
