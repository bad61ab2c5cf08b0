import type { FieldError } from 'react-hook-form'
import { expect, test } from 'vitest'
import { createPasswordRuleChecker } from '@/lib/passwords/rules'
import { createPasswordResolver } from './password-resolver'

const rules = createPasswordRuleChecker({ minLength: 15, outerSpaces: 'keep' })
const good = 'four unrelated words here'

/** The codes by field, as the form would show them. */
async function judge(values: Record<string, string>, { passwordConfirm = false, of = rules } = {}) {
  const options = { fields: {}, shouldUseNativeValidation: false, criteriaMode: 'all' as const }
  const { errors } = await createPasswordResolver(of, passwordConfirm)(values as never, undefined, options)
  return Object.fromEntries(
    Object.entries(errors).map(([name, error]) => [
      name,
      Object.values((error as FieldError).types ?? {}).flat(),
    ]),
  )
}

test('a password that keeps the rules passes', async () => {
  expect(await judge({ password: good })).toEqual({})
})

test('every broken rule is named at once [U7]', async () => {
  expect(await judge({ password: '1234' })).toEqual({
    password: ['too-short', 'numeric'],
  })
})

test('257 characters are refused with a message, never cut [P2]', async () => {
  expect(await judge({ password: 'ab '.repeat(85) + 'abc' })).toEqual({ password: ['too-long'] })
})

test('more bytes than the password format takes are told before anything is sent [W6]', async () => {
  const bcrypt = createPasswordRuleChecker({
    minLength: 15,
    outerSpaces: 'keep',
    longest: { count: 72, unit: 'bytes' },
  })
  expect(await judge({ password: 'ü '.repeat(24) }, { of: bcrypt })).toEqual({})
  expect(await judge({ password: 'ü '.repeat(25) }, { of: bcrypt })).toEqual({ password: ['too-many-bytes'] })
})

test('an empty field is missing, not short', async () => {
  expect(await judge({ password: '' })).toEqual({ password: ['blank'] })
})

test('a password of spaces is a password like others [P4]', async () => {
  expect(await judge({ password: ' '.repeat(15) })).toEqual({})
})

test.each(['\0', '\ud800'])('what no password can hold is named as such (%j) [I4]', async (character) => {
  const code = character === '\0' ? 'null-characters' : 'surrogates'
  expect(await judge({ password: good + character })).toEqual({ password: [code] })
})

test('a repetition counts only where it is asked for [P12]', async () => {
  expect(await judge({ password: good, password_confirm: 'other' })).toEqual({})
  const settings = { passwordConfirm: true }
  expect(await judge({ password: good, password_confirm: 'other' }, settings)).toEqual({
    password_confirm: ['mismatch'],
  })
  expect(await judge({ password: good, password_confirm: '' }, settings)).toEqual({
    password_confirm: ['blank'],
  })
  expect(await judge({ password: good, password_confirm: good }, settings)).toEqual({})
})

test('a repetition that differs is told beside what is wrong with the password [P12]', async () => {
  const settings = { passwordConfirm: true }
  expect(await judge({ password: '1234', password_confirm: '12345' }, settings)).toEqual({
    password: ['too-short', 'numeric'],
    password_confirm: ['mismatch'],
  })
  expect(await judge({ password: '', password_confirm: '' }, settings)).toEqual({
    password: ['blank'],
    password_confirm: ['blank'],
  })
})

test('what was typed goes on as it was typed', async () => {
  const values = { password: `  ${good} `, password_confirm: '' }
  const options = { fields: {}, shouldUseNativeValidation: false }
  expect(await createPasswordResolver(rules, false)(values, undefined, options)).toEqual({
    values,
    errors: {},
  })
})
