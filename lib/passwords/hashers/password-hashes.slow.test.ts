import { describe, expect, test } from 'vitest'
import { argon2id } from './argon2id'
import { bcrypt } from './bcrypt'
import { betterAuthScrypt } from './better-auth'
import { djangoArgon2, djangoPbkdf2 } from './django'
import vectors from './password-hashes.json'
import type { PasswordFormat } from './password-format'

// The products themselves made and verified these hashes.

type Vector = (typeof vectors)[number]

/** The format of each algorithm. Its parameters need not be the stored ones. */
const formatOf: Record<string, (vector: Vector) => PasswordFormat> = {
  'django pbkdf2_sha256': () => djangoPbkdf2({ iterations: 100_000 }),
  'django argon2': () => djangoArgon2({ memoryCost: 7168 }),
  'php argon2id': () => argon2id(),
  'php bcrypt 2y': () => bcrypt({ cost: 10, version: '2b' }),
  'devise bcrypt 2a': ({ pepper }) =>
    bcrypt({ cost: 10, version: '2y', ...(typeof pepper === 'string' && { pepper }) }),
  'better-auth scrypt': () => betterAuthScrypt(),
}

const all = [
  djangoPbkdf2({ iterations: 100_000 }),
  djangoArgon2(),
  argon2id(),
  bcrypt({ cost: 10, version: '2b' }),
  betterAuthScrypt(),
]

const algorithmOf = ({ product, algorithm }: Vector) => `${product.split(' ')[0]} ${algorithm}`
const known = vectors.filter((vector) => Object.hasOwn(formatOf, algorithmOf(vector)))
const unknown = vectors.filter((vector) => !Object.hasOwn(formatOf, algorithmOf(vector)))

describe('hashes that other products made', () => {
  test('there are hashes for every format, and for four schemes without a format [W6]', () => {
    expect(new Set(known.map(algorithmOf))).toEqual(new Set(Object.keys(formatOf)))
    expect(new Set(unknown.map(({ algorithm }) => algorithm))).toEqual(
      new Set(['scrypt', 'bcrypt_sha256', 'bcrypt', 'unusable']),
    )
  })

  test.each(known)('a hash of $product, $algorithm, fits its password $password [W6]', async (vector) => {
    const format = formatOf[algorithmOf(vector)]!(vector)
    const { password, stored } = vector
    expect(all.filter((one) => one.matches(stored)).map(({ name }) => name.split(/[ ,]/)[0])).toEqual([
      format.name.split(/[ ,]/)[0],
    ])
    expect(await format.verify(password!, stored)).toBe(true)
  })

  test.each(Object.keys(formatOf))('a hash of %s fits no other password [W6]', async (algorithm) => {
    const vector = known.find((one) => algorithmOf(one) === algorithm)!
    const format = formatOf[algorithm]!(vector)
    for (const other of ['correct horse battery stapl', ''])
      expect(await format.verify(other, vector.stored)).toBe(false)
  })

  test('a hash with a pepper fits no password with another pepper or without one [W6]', async () => {
    const { password, stored } = known.find(({ pepper }) => typeof pepper === 'string')!
    for (const pepper of [{ pepper: 'another pepper' }, {}]) {
      const format = bcrypt({ cost: 12, version: '2a', ...pepper })
      expect(await format.verify(password!, stored)).toBe(false)
    }
  })

  test.each(unknown)('no format recognises $stored of $product [W6]', async ({ password, stored }) => {
    for (const format of all) {
      expect(format.matches(stored)).toBe(false)
      expect(await format.verify(password ?? '', stored)).toBe(false)
    }
  })
})
