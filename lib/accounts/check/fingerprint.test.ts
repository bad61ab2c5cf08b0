import { expect, test } from 'vitest'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { devise } from '@/lib/accounts/presets/devise'
import { laravel } from '@/lib/accounts/presets/laravel'
import type { UsersMapping } from '@/lib/accounts/users-table'
import { passwordMappingFingerprint } from './fingerprint'

const mapping = devise({ pepper: 'a pepper' })

test('table, columns of id and hash, and format with cost, version and pepper change the fingerprint [W6]', () => {
  const { password } = mapping
  const others: UsersMapping[] = [
    devise({ pepper: 'a pepper', table: 'members' }),
    devise({ pepper: 'a pepper', cost: 11 }),
    devise({ pepper: 'another pepper' }),
    devise(),
    { ...mapping, id: 'uid' },
    { ...mapping, password: { ...password, column: 'crypted_password' } },
    { ...mapping, password: { ...password, in: { table: 'hashes', user: 'user_id', where: {} } } },
    { ...mapping, password: { ...password, format: laravel().password.format } },
    betterAuth(),
    betterAuth({ columns: 'snake' }),
  ]
  const fingerprints = [mapping, ...others].map(passwordMappingFingerprint)
  expect(new Set(fingerprints).size).toBe(fingerprints.length)
})

test('options that do not affect stored hashes do not change the fingerprint [W6]', () => {
  const more: UsersMapping = {
    ...mapping,
    active: [{ column: 'deleted_at', is: null }],
    name: 'name',
    end: [],
  }
  expect(passwordMappingFingerprint(more)).toBe(passwordMappingFingerprint(devise({ pepper: 'a pepper' })))
})
