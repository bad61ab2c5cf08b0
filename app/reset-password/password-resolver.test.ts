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

test('U7: every broken rule is named at once', async () => {
  expect(await judge({ password: '1234' })).toEqual({
    password: ['too-short', 'numeric'],
  })
})

test('P2: 257 characters are refused with a message, never cut', async () => {
  expect(await judge({ password: 'ab '.repeat(85) + 'abc' })).toEqual({ password: ['too-long'] })
})

test('W6: more bytes than the password format takes are told before anything is sent', async () => {
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

test('P4: a password of spaces is a password like others', async () => {
  expect(await judge({ password: ' '.repeat(15) })).toEqual({})
})

test.each(['\0', '\ud800'])('I4: what no password can hold is named as such (%j)', async (character) => {
  const code = character === '\0' ? 'null-characters' : 'surrogates'
  expect(await judge({ password: good + character })).toEqual({ password: [code] })
})

test('P12: a repetition counts only where it is asked for', async () => {
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

test('P12: a repetition that differs is told beside what is wrong with the password', async () => {
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
