import { describe, expect, test } from 'vitest'
import {
  toHookFormErrors,
  fieldMessages,
  formErrorMessage,
  inHowLong,
  type FormErrorMessages,
} from './error-message'

const messages: FormErrorMessages = {
  throttled: 'Too often.',
  throttledFor: 'Too often. Try again {when}.',
  unavailable: 'Away.',
  'user-not-found': 'Gone.',
  'signature-invalid': 'Refused.',
  'signature-expired': 'Refused.',
  'signature-used': 'Refused.',
  'link-exhausted': 'A new link, please.',
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
])('a wait of %i seconds is described as "%s", which is never shorter [R4]', (seconds, text) => {
  expect(inHowLong(seconds, 'en')).toBe(text)
})

test('the wait is described in the language of the page', () => {
  const throttled = { errors: { form: 'throttled' as const }, retryAfter: 61 }
  expect(formErrorMessage(throttled, messages, 'de')).toBe('Too often. Try again in 61 Sekunden.')
})

test('the error is shown without the wait in a browser that cannot describe it [U7]', () => {
  const { RelativeTimeFormat } = Intl
  Reflect.deleteProperty(Intl, 'RelativeTimeFormat')
  try {
    expect(formErrorMessage({ errors: { form: 'throttled' }, retryAfter: 61 }, messages, 'en')).toBe(
      'Too often.',
    )
  } finally {
    Object.assign(Intl, { RelativeTimeFormat })
  }
})

test.each([
  ['offline', 'Offline.'],
  ['unavailable', 'Away.'],
  ['refused', 'Refused.'],
  ['user-not-found', 'Gone.'],
  ['second-factor-required', 'One more factor.'],
  ['throttled', 'Too often.'],
  [undefined, undefined],
] as const)('the code %s has its own message [U7]', (form, message) => {
  expect(formErrorMessage({ errors: { form } }, messages, 'en')).toBe(message)
})

describe('messages of a field', () => {
  const words = { blank: 'Nothing.', required: 'Nothing.', numeric: 'Digits.' }

  test('a field shows the messages of its codes in their order, each once', () => {
    const { password } = toHookFormErrors({ password: ['numeric', 'blank', 'required'] })
    expect(fieldMessages(password, words)).toEqual(['Digits.', 'Nothing.'])
  })

  test('a field without codes, or with codes that have no message, shows no messages', () => {
    expect(toHookFormErrors({ password: [], password_confirm: undefined })).toEqual({})
    expect(fieldMessages(undefined, words)).toEqual([])
    expect(fieldMessages(toHookFormErrors({ password: ['mismatch'] }).password, words)).toEqual([])
  })
})
