import type { FieldError } from 'react-hook-form'
import { expect, test } from 'vitest'
import { createPasswordRules } from '@/lib/passwords/rules'
import { createResolver } from './password-resolver'

const rules = createPasswordRules({ minLength: 15, outerSpaces: 'keep' })
const link = { user_id: 'a', timestamp: '1700000000', signature: 'b' }
const good = 'four unrelated words here'

/** The codes by field, as the form would show them. */
async function judge(values: Record<string, string>, { passwordConfirm = false } = {}) {
  const options = { fields: {}, shouldUseNativeValidation: false }
  const { errors } = await createResolver(rules, passwordConfirm, link)(values as never, undefined, options)
  return Object.fromEntries(
    Object.entries(errors).map(([name, error]) => [name, Object.values((error as FieldError).types ?? {})]),
  )
}

test('a password that keeps the rules passes', async () => {
  expect(await judge({ password: good })).toEqual({})
})

test('U7: every broken rule is named at once', async () => {
  expect(await judge({ password: '1234' })).toEqual({
    password: ['password-too-short', 'password-entirely-numeric'],
  })
})

test('P2: 257 characters are refused with a message, never cut', async () => {
  expect(await judge({ password: 'ab '.repeat(85) + 'abc' })).toEqual({ password: ['password-too-long'] })
})

test('an empty field is missing, not short', async () => {
  expect(await judge({ password: '' })).toEqual({ password: ['password-required'] })
})

test('P4: a password of spaces is a password like others', async () => {
  expect(await judge({ password: ' '.repeat(15) })).toEqual({})
})

test.each(['\0', '\ud800'])('I4: what no password can hold is named as such (%j)', async (character) => {
  expect(await judge({ password: good + character })).toEqual({ password: ['password-invalid'] })
})

test('P12: a repetition counts only where it is asked for', async () => {
  expect(await judge({ password: good, password_confirm: 'other' })).toEqual({})
  const asked = { passwordConfirm: true }
  expect(await judge({ password: good, password_confirm: 'other' }, asked)).toEqual({
    password_confirm: ['confirm-mismatch'],
  })
  expect(await judge({ password: good, password_confirm: '' }, asked)).toEqual({
    password_confirm: ['confirm-required'],
  })
  expect(await judge({ password: good, password_confirm: good }, asked)).toEqual({})
})

test('a link that is spelled oddly is for the endpoint to judge, not for the password', async () => {
  const { errors } = await createResolver(rules, false, { ...link, timestamp: 'x' })(
    { password: good } as never,
    undefined,
    {
      fields: {},
      shouldUseNativeValidation: false,
    },
  )
  expect(errors).toEqual({})
})
