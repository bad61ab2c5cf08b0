import { describe, expect, test } from 'vitest'
import { fieldErrorCodes, formErrorCode, isWholeFormErrorCode, requestErrors } from './error-codes'
import { errorCodesHeader, errorParameter, parseFormErrors } from './form-errors'

const fields = {
  password: [{ code: 'too-short' }, { code: 'numeric' }],
  password_confirm: [{ code: 'mismatch' }],
} as const
const parsed = { fields: { password: ['too-short', 'numeric'], password_confirm: ['mismatch'] } }
const shown = ['password', 'password_confirm'] as const

test('the header and the URL of a page carry the errors of each field in order [U7]', () => {
  expect(errorCodesHeader(fields)).toEqual({
    'Error-Codes': 'password=too-short, password=numeric, password_confirm=mismatch',
  })
  expect(errorParameter(fields)).toBe('password.too-short,password.numeric,password_confirm.mismatch')
  expect(parseFormErrors(errorCodesHeader(fields)['Error-Codes'], shown)).toEqual(parsed)
  expect(parseFormErrors(errorParameter(fields), shown)).toEqual(parsed)
})

test('the header and the URL of a page can carry every error code [U7]', () => {
  const all = { login: fieldErrorCodes.map((code) => ({ code })) }
  expect(parseFormErrors(errorParameter(all), ['login']).fields.login).toEqual(fieldErrorCodes)
  expect(parseFormErrors(errorCodesHeader(all)['Error-Codes'], ['login']).fields.login).toEqual(
    fieldErrorCodes,
  )
  for (const code of Object.keys(requestErrors).map(formErrorCode))
    expect(parseFormErrors(errorParameter(code), [])).toEqual({ form: code, fields: {} })
})

test('an error of a field that a form does not show becomes an error of the whole form', () => {
  expect(parseFormErrors('signature=required, password=blank', shown)).toEqual({
    form: 'refused',
    fields: { password: ['blank'] },
  })
})

test.each([
  'hello,<b>,throttled ,__proto__,constructor',
  'password.hello,password.__proto__,password.,hasOwnProperty.constructor',
  'password.Blank,=,.',
])('a URL cannot put its own text into a page: %s contains no known code', (text) => {
  expect(parseFormErrors(text, ['password'])).toEqual({ fields: {} })
})

test('a code that a URL contains twice, or in two parameters, is shown once', () => {
  expect(parseFormErrors(['throttled,throttled', 'throttled,password.blank,password.blank'], shown)).toEqual({
    form: 'throttled',
    fields: { password: ['blank'] },
  })
})

test.each([undefined, null, '', []])('a page without error codes (%j) shows no errors', (none) => {
  expect(parseFormErrors(none, shown)).toEqual({ fields: {} })
})

describe('the error of a whole form', () => {
  test.each([
    ['internal', 'unavailable'],
    ['unavailable', 'unavailable'],
    ['throttled', 'throttled'],
    ['second-factor-required', 'second-factor-required'],
    ['signature-used', 'signature-used'],
    ['cross-origin', 'refused'],
    ['body-too-large', 'refused'],
    ['constructor', 'refused'],
    [undefined, 'refused'],
  ])('a page shows the error %s by the code %s', (error, code) => {
    expect(formErrorCode(error)).toBe(code)
    expect(isWholeFormErrorCode(code)).toBe(true)
  })
})
