import { expect, test } from 'vitest'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { devise } from '@/lib/accounts/presets/devise'
import { laravel } from '@/lib/accounts/presets/laravel'
import type { UsersMapping } from '@/lib/accounts/users-table'
import { mappingFingerprint } from './fingerprint'

const mapping = devise({ pepper: 'a pepper' })

test('a proof is one of its table, columns of id and hash, and format with cost, version and pepper [W6]', () => {
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
  const fingerprints = [mapping, ...others].map(mappingFingerprint)
  expect(new Set(fingerprints).size).toBe(fingerprints.length)
})

test('what does not decide whether a hash is right needs no new proof [W6]', () => {
  const more: UsersMapping = {
    ...mapping,
    active: [{ column: 'deleted_at', is: null }],
    name: 'name',
    end: [],
  }
  expect(mappingFingerprint(more)).toBe(mappingFingerprint(devise({ pepper: 'a pepper' })))
})
