import { expect, test } from 'vitest'
import { recordOpening, requestTimeOfOpening } from './record-opening'

test('the opening of a link is audited once, even if its page is loaded three times [L1]', () => {
  const recorded: unknown[] = []
  const audit = { recordBestEffort: async (...entry: unknown[]) => void recorded.push(entry) } as never
  const link = { user_id: 'an account', timestamp: 1_790_000_000, signature: 'a'.repeat(86) }
  for (let load = 0; load < 3; load += 1) recordOpening({ audit }, link)
  recordOpening({ audit }, { ...link, signature: 'b'.repeat(86), timestamp: 1_790_000_060 })
  expect(recorded).toMatchObject([
    ['opened', { accountId: 'an account', reason: 'requested-at 1790000000' }],
    ['opened', { accountId: 'an account', reason: 'requested-at 1790000060' }],
  ])
  expect(JSON.stringify(recorded)).not.toContain('aaaa')
})

test.each([
  ['requested-at 1790000000', 1_790_000_000],
  ['250 OK', undefined],
  [null, undefined],
])('the audit reason %j has the request time %s', (reason, requestedAt) => {
  expect(requestTimeOfOpening(reason)).toBe(requestedAt)
})
