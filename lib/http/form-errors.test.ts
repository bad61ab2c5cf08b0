import { describe, expect, test } from 'vitest'
import { fieldErrorCodes, formErrorCode, isWholeFormErrorCode, requestErrors } from './error-codes'
import { errorCodesHeader, errorParameter, parseFormErrors } from './form-errors'

const fields = {
  password: [{ code: 'too-short' }, { code: 'numeric' }],
  password_confirm: [{ code: 'mismatch' }],
} as const
const parsed = { fields: { password: ['too-short', 'numeric'], password_confirm: ['mismatch'] } }
const shown = ['password', 'password_confirm'] as const

test('errors of fields reach their fields in order, by the header or by the address of a page [U7]', () => {
  expect(errorCodesHeader(fields)).toEqual({
    'Error-Codes': 'password=too-short, password=numeric, password_confirm=mismatch',
  })
  expect(errorParameter(fields)).toBe('password.too-short,password.numeric,password_confirm.mismatch')
  expect(parseFormErrors(errorCodesHeader(fields)['Error-Codes'], shown)).toEqual(parsed)
  expect(parseFormErrors(errorParameter(fields), shown)).toEqual(parsed)
})

test('every code of a field and every code of a whole form comes through both [U7]', () => {
  const all = { login: fieldErrorCodes.map((code) => ({ code })) }
  expect(parseFormErrors(errorParameter(all), ['login']).fields.login).toEqual(fieldErrorCodes)
  expect(parseFormErrors(errorCodesHeader(all)['Error-Codes'], ['login']).fields.login).toEqual(
    fieldErrorCodes,
  )
  for (const code of Object.keys(requestErrors).map(formErrorCode))
    expect(parseFormErrors(errorParameter(code), [])).toEqual({ form: code, fields: {} })
})

test('an error of a field that a form does not show is a refusal of the whole form', () => {
  expect(parseFormErrors('signature=required, password=blank', shown)).toEqual({
    form: 'refused',
    fields: { password: ['blank'] },
  })
})

test.each([
  'hello,<b>,throttled ,__proto__,constructor',
  'password.hello,password.__proto__,password.,hasOwnProperty.constructor',
  'password.Blank,=,.',
])('an address cannot put words into a page: of %s, nothing is in the table', (text) => {
  expect(parseFormErrors(text, ['password'])).toEqual({ fields: {} })
})

test('what is named twice, or by two parameters, is shown once', () => {
  expect(parseFormErrors(['throttled,throttled', 'throttled,password.blank,password.blank'], shown)).toEqual({
    form: 'throttled',
    fields: { password: ['blank'] },
  })
})

test.each([undefined, null, '', []])('without codes (%j) there are no errors', (none) => {
  expect(parseFormErrors(none, shown)).toEqual({ fields: {} })
})

describe('of a refusal, a page shows', () => {
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
  ])('for %s the code %s', (refusal, code) => {
    expect(formErrorCode(refusal)).toBe(code)
    expect(isWholeFormErrorCode(code)).toBe(true)
  })
})
