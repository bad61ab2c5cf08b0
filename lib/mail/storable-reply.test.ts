import { expect, test } from 'vitest'
import { storableReply } from './delivery-result'

test.each([
  ['250 2.0.0 Ok: queued as 4XyZ12abc', '250 2.0.0 Ok: queued as 4XyZ12abc'],
  ['250 OK <jane@example.com> accepted', '250 OK accepted'],
  ['250 jane@example.com http://id.example.com/reset-password/?signature=abc', '250'],
  [`250 ${'A'.repeat(86)} queued`, '250 queued'],
  ['250 a\u001b[31mred\r\nline', '250 line'],
  ['jane@example.com', undefined],
  [undefined, undefined],
])(
  'the reply %j is stored as %j, without addresses, links and control characters [L3, L5]',
  (reply, stored) => {
    expect(storableReply(reply)).toBe(stored)
  },
)

test('of a long reply, the first 100 characters are stored', () => {
  expect(storableReply(`250 ${'queued '.repeat(100)}`)).toHaveLength(100)
})
