import { expect, test } from 'vitest'
import { formatAge, formatUtc } from './relative-time'

const now = new Date('2026-11-24T14:30:00Z')

test.each([
  [-5, 'just now'],
  [0, 'just now'],
  [9, 'just now'],
  [10, '10 seconds ago'],
  [59, '59 seconds ago'],
  [60, '1 minute ago'],
  [3_599, '59 minutes ago'],
  [3_600, '1 hour ago'],
  [86_399, '23 hours ago'],
  [172_800, '2 days ago'],
])('the mailbox describes an age of %i seconds as "%s"', (seconds, description) => {
  expect(formatAge(new Date(now.getTime() - seconds * 1000), now)).toBe(description)
})

test('the mailbox shows a time to the second, with its zone', () => {
  expect(formatUtc(now)).toBe('2026-11-24 14:30:00 UTC')
})
