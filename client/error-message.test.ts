import { expect, test } from 'vitest'
import { describeTrouble, inHowLong, type TroubleWords } from './error-message'

const words: TroubleWords = {
  throttled: 'Too often.',
  throttledFor: 'Too often. Try again {when}.',
  unavailable: 'Away.',
  'user-not-found': 'Gone.',
  'second-factor-required': 'One more factor.',
  'second-factor-exhausted': 'A new link, please.',
  refused: 'Refused.',
  offline: 'Offline.',
}

test.each([
  [1, 'in 1 second'],
  [90, 'in 90 seconds'],
  [91, 'in 2 minutes'],
  [120, 'in 2 minutes'],
  [121, 'in 3 minutes'],
  [5400, 'in 90 minutes'],
  [5401, 'in 2 hours'],
])('R4: a wait of %i seconds is told as "%s", never as less', (seconds, told) => {
  expect(inHowLong(seconds, 'en')).toBe(told)
})

test('the wait is told in the language of the page', () => {
  expect(describeTrouble({ kind: 'throttled', seconds: 61 }, words, 'de')).toBe(
    'Too often. Try again in 61 Sekunden.',
  )
})

test('U7: where the browser cannot put a wait into words, the trouble is told without it', () => {
  const { RelativeTimeFormat } = Intl
  Reflect.deleteProperty(Intl, 'RelativeTimeFormat')
  try {
    expect(describeTrouble({ kind: 'throttled', seconds: 61 }, words, 'en')).toBe('Too often.')
  } finally {
    Object.assign(Intl, { RelativeTimeFormat })
  }
})

test('U7: no network, no service and a plain refusal each have their own words', () => {
  const tell = (kind: 'offline' | 'unavailable') => describeTrouble({ kind }, words, 'en')
  expect([tell('offline'), tell('unavailable')]).toEqual(['Offline.', 'Away.'])
  expect(describeTrouble({ kind: 'refused', code: null, detail: 'Cross-origin' }, words, 'en')).toBe(
    'Refused.',
  )
})

test('a rule of the service is told in its words, unless the page has its own', () => {
  const refused = { kind: 'refused', detail: 'So the service says' } as const
  const tell = (code: string) => describeTrouble({ ...refused, code }, words, 'en')
  expect(tell('signature-invalid')).toBe('So the service says')
  expect(tell('user-not-found')).toBe('Gone.')
  expect(tell('second-factor-required')).toBe('One more factor.')
})
