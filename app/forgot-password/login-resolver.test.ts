import { expect, test } from 'vitest'
import type { LoginField } from '@/lib/http/request-schemas'
import { createResolver } from './login-resolver'

const options = { fields: {}, shouldUseNativeValidation: false }
const judge = (loginField: LoginField, typed: string) =>
  createResolver(loginField)({ [loginField]: typed } as Record<LoginField, string>, undefined, options)

test('what was typed goes on as it was typed', async () => {
  expect(await judge('login', ' alice ')).toEqual({ values: { login: ' alice ' }, errors: {} })
})

test.each<[string, LoginField, string, string]>([
  ['nothing', 'login', '', 'blank'],
  ['white space', 'email', ' \u3000', 'blank'],
  ['a character of nothing', 'login', 'ali\0ce', 'null-characters'],
  ['half a character', 'login', 'ali\ud800ce', 'surrogates:U+D800'],
])('U7: %s is refused by its field, with the code of the shape', async (_what, loginField, typed, code) => {
  expect(await judge(loginField, typed)).toEqual({
    values: {},
    errors: { [loginField]: { type: 'shape', message: code } },
  })
})
