import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { mappingOfDemoProduct } from '@/lib/accounts/presets/demo-product'
import { readDemoProduct } from '@/lib/config/demo-product'
import { takeUsersOption } from './users-option.js'

test('the option --users names the product of a demo at any place among the arguments [K1]', () => {
  const args = ['verify', 'demo', '--users', 'django', '--json']
  expect(takeUsersOption(args)).toBe('django')
  expect(args).toEqual(['verify', 'demo', '--json'])
  expect(takeUsersOption(args)).toBeUndefined()
  expect(takeUsersOption(['--users=better-auth', 'list'])).toBe('better-auth')
})

test.each([['rails'], [''], ['../django']])(
  'the error for the unknown product %j names the known products [K1]',
  (product) => {
    expect(() => takeUsersOption(['--users', product])).toThrow(
      `There is no demo with the users of "${product}": --users takes better-auth or django.`,
    )
  },
)

test('each schema of a demo has its mapping of the users table [W11]', () => {
  const schemas = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.sql'))
  const tables = schemas.map((name) => {
    const product = readDemoProduct({ REKEY_DEMO_USERS: name.replace('.sql', '') })
    return product && mappingOfDemoProduct(product).table
  })
  expect(tables).toEqual(['public.user', 'auth_user'])
  expect(readDemoProduct({ REKEY_DEMO_USERS: 'rails' })).toBeUndefined()
})
