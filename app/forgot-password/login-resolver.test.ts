import { expect, test } from 'vitest'
import type { LoginParameter } from '@/lib/http/request-schemas'
import { createLoginResolver } from './login-resolver'

const options = { fields: {}, shouldUseNativeValidation: false, criteriaMode: 'all' as const }
const resolve = (loginField: LoginParameter, typed: string) =>
  createLoginResolver(loginField)(
    { [loginField]: typed } as Record<LoginParameter, string>,
    undefined,
    options,
  )

test('a valid login is sent as it was typed', async () => {
  expect(await resolve('login', ' alice ')).toEqual({ values: { login: ' alice ' }, errors: {} })
})

test.each<[string, LoginParameter, string, string | string[]]>([
  ['nothing', 'login', '', 'blank'],
  ['white space', 'email', ' \u3000', 'blank'],
  ['a null character', 'login', 'ali\0ce', 'null-characters'],
  ['half of a surrogate pair', 'login', 'ali\ud800ce', 'surrogates'],
  ['both', 'login', 'a\0\ud800', ['null-characters', 'surrogates']],
])(
  'a login of %s is rejected at its field, with the codes of the schema [U7]',
  async (_what, loginField, typed, codes) => {
    const { values, errors } = await resolve(loginField, typed)
    expect([values, Object.keys(errors)]).toEqual([{}, [loginField]])
    expect(errors[loginField]?.types).toEqual({ custom: codes })
  },
)
