import { expect, test } from 'vitest'
import type { LoginParameter } from '@/lib/http/request-schemas'
import { createLoginResolver } from './login-resolver'

const options = { fields: {}, shouldUseNativeValidation: false, criteriaMode: 'all' as const }
const judge = (loginField: LoginParameter, typed: string) =>
  createLoginResolver(loginField)(
    { [loginField]: typed } as Record<LoginParameter, string>,
    undefined,
    options,
  )

test('what was typed goes on as it was typed', async () => {
  expect(await judge('login', ' alice ')).toEqual({ values: { login: ' alice ' }, errors: {} })
})

test.each<[string, LoginParameter, string, string | string[]]>([
  ['nothing', 'login', '', 'blank'],
  ['white space', 'email', ' \u3000', 'blank'],
  ['a character of nothing', 'login', 'ali\0ce', 'null-characters'],
  ['half a character', 'login', 'ali\ud800ce', 'surrogates'],
  ['both at once', 'login', 'a\0\ud800', ['null-characters', 'surrogates']],
])(
  '%s is refused by its field, with the codes of the schema [U7]',
  async (_what, loginField, typed, codes) => {
    const { values, errors } = await judge(loginField, typed)
    expect([values, Object.keys(errors)]).toEqual([{}, [loginField]])
    expect(errors[loginField]?.types).toEqual({ custom: codes })
  },
)
