import { expect, test } from 'vitest'
import { argon2id } from './argon2id'
import { bcrypt } from './bcrypt'
import { betterAuthScrypt } from './better-auth'
import { djangoArgon2, djangoPbkdf2 } from './django'
import vectors from './password-hashes.json'

// One hash of each product and algorithm; the slow tests verify all of them.

const formats = [
  djangoPbkdf2({ iterations: 100_000 }),
  djangoArgon2(),
  argon2id(),
  bcrypt({ cost: 10, version: '2b' }),
  betterAuthScrypt(),
]
const kindOf = ({ product, algorithm }: (typeof vectors)[number]) => `${product.split(' ')[0]} ${algorithm}`
const plain = vectors.filter(({ password, pepper }) => password !== null && !pepper)
const oneOfEach = [...new Map(plain.toReversed().map((vector) => [kindOf(vector), vector])).values()]
const recognised = oneOfEach.filter(({ stored }) => formats.some((format) => format.matches(stored)))

test('hashes of Django, PHP, Devise and better-auth are recognised, each by one format [W6]', () => {
  expect(recognised.map(kindOf).sort()).toEqual([
    'better-auth scrypt',
    'devise bcrypt 2a',
    'django argon2',
    'django pbkdf2_sha256',
    'php argon2id',
    'php bcrypt 2y',
  ])
})

test.each(recognised)(
  'a hash of $product, $algorithm, fits only its password [W6]',
  async ({ password, stored }) => {
    const [format, ...others] = formats.filter((one) => one.matches(stored))
    expect(others).toEqual([])
    expect(await format!.verify(password!, stored)).toBe(true)
    expect(await format!.verify(`${password} `, stored)).toBe(false)
  },
)
