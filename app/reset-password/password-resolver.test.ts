import type { FieldError } from 'react-hook-form'
import { expect, test } from 'vitest'
import { createPasswordRuleChecker } from '@/lib/passwords/rules'
import { createPasswordResolver } from './password-resolver'

const rules = createPasswordRuleChecker({ minLength: 15, outerSpaces: 'keep' })
const good = 'four unrelated words here'

async function codesOf(values: Record<string, string>, { passwordConfirm = false, of = rules } = {}) {
  const options = { fields: {}, shouldUseNativeValidation: false, criteriaMode: 'all' as const }
  const { errors } = await createPasswordResolver(of, passwordConfirm)(values as never, undefined, options)
  return Object.fromEntries(
    Object.entries(errors).map(([name, error]) => [
      name,
      Object.values((error as FieldError).types ?? {}).flat(),
    ]),
  )
}

test('a password that meets all rules has no error', async () => {
  expect(await codesOf({ password: good })).toEqual({})
})

test('all rules that a password breaks are named at once [U7]', async () => {
  expect(await codesOf({ password: '1234' })).toEqual({
    password: ['too-short', 'numeric'],
  })
})

test('a password of 257 characters is rejected and not cut [P2]', async () => {
  expect(await codesOf({ password: 'ab '.repeat(85) + 'abc' })).toEqual({ password: ['too-long'] })
})

test('a password with more bytes than its format allows is rejected before it is sent [W6]', async () => {
  const bcrypt = createPasswordRuleChecker({
    minLength: 15,
    outerSpaces: 'keep',
    longest: { count: 72, unit: 'bytes' },
  })
  expect(await codesOf({ password: 'ü '.repeat(24) }, { of: bcrypt })).toEqual({})
  expect(await codesOf({ password: 'ü '.repeat(25) }, { of: bcrypt })).toEqual({
    password: ['too-many-bytes'],
  })
})

test('an empty password counts as missing, not as too short', async () => {
  expect(await codesOf({ password: '' })).toEqual({ password: ['blank'] })
})

test('a password of spaces is accepted [P4]', async () => {
  expect(await codesOf({ password: ' '.repeat(15) })).toEqual({})
})

test.each(['\0', '\ud800'])(
  'a password with the character %j is rejected with its own code [I4]',
  async (character) => {
    const code = character === '\0' ? 'null-characters' : 'surrogates'
    expect(await codesOf({ password: good + character })).toEqual({ password: [code] })
  },
)

test('the repetition is checked only if the form has one [P12]', async () => {
  expect(await codesOf({ password: good, password_confirm: 'other' })).toEqual({})
  const settings = { passwordConfirm: true }
  expect(await codesOf({ password: good, password_confirm: 'other' }, settings)).toEqual({
    password_confirm: ['mismatch'],
  })
  expect(await codesOf({ password: good, password_confirm: '' }, settings)).toEqual({
    password_confirm: ['blank'],
  })
  expect(await codesOf({ password: good, password_confirm: good }, settings)).toEqual({})
})

test('a different repetition is reported together with the problems of the password [P12]', async () => {
  const settings = { passwordConfirm: true }
  expect(await codesOf({ password: '1234', password_confirm: '12345' }, settings)).toEqual({
    password: ['too-short', 'numeric'],
    password_confirm: ['mismatch'],
  })
  expect(await codesOf({ password: '', password_confirm: '' }, settings)).toEqual({
    password: ['blank'],
    password_confirm: ['blank'],
  })
})

test('a valid password is sent as it was typed', async () => {
  const values = { password: `  ${good} `, password_confirm: '' }
  const options = { fields: {}, shouldUseNativeValidation: false }
  expect(await createPasswordResolver(rules, false)(values, undefined, options)).toEqual({
    values,
    errors: {},
  })
})
